package peer

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/field"
)

var messages = []field.Message{
	{Held: &field.Held{Image: "sha256:aa", Chunks: field.Bits{1, 1 << 63}}},
	{Delta: &field.Delta{Image: "sha256:aa", Came: []uint32{3, 5}, Went: []uint32{0}}},
	{Load: &field.Load{Serving: 1 << 20, Leaving: true}},
	{},
}

func TestFramesComeBack(t *testing.T) {
	var b []byte
	var err error
	for _, m := range messages {
		if b, err = appendFrame(b, m); err != nil {
			t.Fatal(err)
		}
	}
	r := bytes.NewReader(b)
	for _, want := range messages {
		got, err := readFrame(r)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	}
	if _, err := readFrame(r); err != io.EOF {
		t.Errorf("after the last frame: %v", err)
	}
}

func TestRefusesBadFrames(t *testing.T) {
	frame := func(text string) string { return string(binary.BigEndian.AppendUint32(nil, uint32(len(text)))) + text }
	for text, want := range map[string]string{
		"\xff\xff\xff\xff":                      "4294967295 bytes is announced",
		"\x00\x00\x00\x05{}":                    "half a message",
		frame("{]"):                             "decode",
		frame(`{"held":{"chunks":"aGVsbG8="}}`): "multiple of 8",
	} {
		if _, err := readFrame(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want an error with %q, got %v", text, want, err)
		}
	}
}

func FuzzReadFrame(f *testing.F) {
	for _, m := range messages {
		b, err := appendFrame(nil, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := readFrame(bytes.NewReader(b))
		if err != nil {
			return
		}
		again, err := appendFrame(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		n, err := readFrame(bytes.NewReader(again))
		if diff := cmp.Diff(m, n); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}

func TestGreetingsComeBack(t *testing.T) {
	for _, id := range []field.MemberID{"", "pc1/7", field.MemberID(strings.Repeat("x", 255))} {
		if got, err := readGreeting(bytes.NewReader(greeting(id))); err != nil || got != id {
			t.Errorf("%q comes back as %q, %v", id, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                             "no greeting",
		"GET / HTTP/1.1":               errMagic.Error(),
		"VFIELD\x00\x01\x05pc1/7":      errMagic.Error(),
		string(greeting("pc1/7")[:12]): "half a greeting",
	} {
		if _, err := readGreeting(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want an error with %q, got %v", text, want, err)
		}
	}
}
