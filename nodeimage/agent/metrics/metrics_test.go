package metrics

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"viver/nodeimage/field"
)

func source() Source {
	return Source{
		Version: "0.1.0", Node: func() string { return "p\"c\n01\\" }, Image: "sha256:1", Fetched: func() int64 { return 1 << 50 },
		Field: func() (field.Status, error) { return status, nil },
	}
}

var status = field.Status{
	Memory: field.Memory{ShareLimit: 512, CacheLimit: 64, Share: 500, Cache: 60, Flying: 4},
	Images: []field.ImageStatus{
		{ID: "sha256:1", Chunks: 10, Held: 7, Share: 6, Missing: 1, Replicas: []int{0, 1, 2, 7}, Coverage: []field.Coverage{{Part: 0.1}, {Part: 0.7}}},
		{ID: "sha256:2", Chunks: 3, Replicas: []int{3, 0, 0, 0}},
	},
	Members: []field.MemberStatus{
		{Member: field.Member{Name: "pc02"}, Connected: true},
		{Member: field.Member{Name: "pc03", Leaving: true}, Drained: true, Banned: "wrong bytes"},
		{Member: field.Member{Name: "seed", Seed: true}, Connected: true},
	},
	Reads: field.Reads{
		Chunks: 100, Hits: 90, FromNodes: 8, FromSeeds: 2, Wasted: 1, Served: 5, Hedges: 4, HedgeWins: 3, Stalls: 2, Bans: 1,
		P50: time.Millisecond, P95: 2 * time.Millisecond, P99: time.Second,
	},
	SeedMayGo: true,
}

// parse reads the text as Prometheus does.
func parse(t *testing.T, text []byte) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// lines are all samples, as a person would write them.
func lines(families map[string]*dto.MetricFamily) (all []string) {
	for name, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetValue())
			}
			at := strings.TrimSpace(name + " " + strings.Join(labels, " "))
			switch f.GetType() {
			case dto.MetricType_SUMMARY:
				for _, q := range m.Summary.Quantile {
					all = append(all, fmt.Sprint(at, " ", q.GetQuantile(), " = ", q.GetValue()))
				}
			case dto.MetricType_COUNTER:
				all = append(all, fmt.Sprint(at, " = ", m.Counter.GetValue()))
			default:
				all = append(all, fmt.Sprint(at, " = ", m.Gauge.GetValue()))
			}
		}
	}
	slices.Sort(all)
	return all
}

func TestPrometheusReadsIt(t *testing.T) {
	families := parse(t, source().text())
	want := `
viver_field_bans_total = 1
viver_field_fetch_seconds 0.5 = 0.001
viver_field_fetch_seconds 0.95 = 0.002
viver_field_fetch_seconds 0.99 = 1
viver_field_fetched_bytes_total nodes = 8
viver_field_fetched_bytes_total seeds = 2
viver_field_hedge_wins_total = 3
viver_field_hedges_total = 4
viver_field_image_chunks sha256:1 = 10
viver_field_image_chunks sha256:2 = 3
viver_field_image_coverage_ratio sha256:1 = 0.7
viver_field_image_coverage_ratio sha256:2 = 0
viver_field_image_held_chunks sha256:1 = 7
viver_field_image_held_chunks sha256:2 = 0
viver_field_image_missing_chunks sha256:1 = 1
viver_field_image_missing_chunks sha256:2 = 0
viver_field_image_replicas_chunks sha256:1 0 = 0
viver_field_image_replicas_chunks sha256:1 1 = 1
viver_field_image_replicas_chunks sha256:1 2 = 2
viver_field_image_replicas_chunks sha256:1 3 = 7
viver_field_image_replicas_chunks sha256:2 0 = 3
viver_field_image_replicas_chunks sha256:2 1 = 0
viver_field_image_replicas_chunks sha256:2 2 = 0
viver_field_image_replicas_chunks sha256:2 3 = 0
viver_field_image_share_chunks sha256:1 = 6
viver_field_image_share_chunks sha256:2 = 0
viver_field_may_leave = 0
viver_field_member = 1
viver_field_members node = 2
viver_field_members seed = 1
viver_field_members_banned = 1
viver_field_members_connected = 2
viver_field_members_drained = 1
viver_field_members_leaving = 1
viver_field_memory_bytes cache = 60
viver_field_memory_bytes flying = 4
viver_field_memory_bytes share = 500
viver_field_memory_limit_bytes cache = 64
viver_field_memory_limit_bytes share = 512
viver_field_read_chunks_total = 100
viver_field_read_hits_total = 90
viver_field_seed_may_go = 1
viver_field_served_bytes_total = 5
viver_field_stalls_total = 2
viver_field_wasted_bytes_total = 1
viver_node_info p"c
01\ sha256:1 0.1.0 = 1
viver_root_fetched_bytes_total = 1.125899906842624e+15
`
	if diff := cmp.Diff(strings.TrimSpace(want), strings.Join(lines(families), "\n")); diff != "" {
		t.Error(diff)
	}
	for name, f := range families {
		if f.GetHelp() == "" || f.GetType() == dto.MetricType_UNTYPED {
			t.Errorf("%s has no help or no type", name)
		}
		if counts := f.GetType() == dto.MetricType_COUNTER; counts != strings.HasSuffix(name, "_total") {
			t.Errorf("%s is a counter: %v", name, counts)
		}
	}
}

func TestAMachineThatIsNoMember(t *testing.T) {
	s := source()
	s.Field = func() (field.Status, error) { return field.Status{}, errors.New("not yet") }
	families := parse(t, s.text())
	if len(families) != 3 || families["viver_field_member"].Metric[0].Gauge.GetValue() != 0 {
		t.Errorf("%q", lines(families))
	}
	s.Field = func() (field.Status, error) { return field.Status{}, nil } // a member with no image yet
	parse(t, s.text())
}

// TestManyWhoAskAreToldTheSame has the field asked once in a while, however often somebody asks for metrics.
func TestManyWhoAskAreToldTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s := source()
		s.Field = func() (field.Status, error) { asked++; return status, nil }
		p := &page{source: s}
		for range 100 {
			p.fresh()
		}
		if asked != 1 {
			t.Errorf("the field was asked %d times", asked)
		}
		time.Sleep(freshTime + 1)
		if p.fresh(); asked != 2 {
			t.Errorf("the field was asked %d times", asked)
		}
	})
}

func TestServe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, source(), slog.New(slog.DiscardHandler)) }()
	at := "http://" + l.Addr().String()
	response, err := http.Get(at + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || !bytes.Equal(text, source().text()) {
		t.Errorf("%s, %v", text, err)
	}
	if got := expfmt.ResponseFormat(response.Header); got.FormatType() != expfmt.TypeTextPlain {
		t.Errorf("Prometheus takes it for %s", got)
	}
	for path, status := range map[string]int{"/": http.StatusNotFound, "/metrics": http.StatusMethodNotAllowed} {
		response, err := http.Post(at+path, "text/plain", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != status {
			t.Errorf("POST %s: %s", path, response.Status)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := Serve(t.Context(), l, source(), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a listener that is closed was served")
	}
}
