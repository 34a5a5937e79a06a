package metrics

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// exposition is a text in Prometheus' format, version 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
type exposition struct{ bytes.Buffer }

// The types of metrics.
const (
	counter = "counter" // only grows, until its process ends
	gauge   = "gauge"
	summary = "summary" // quantiles
)

// sample is one value of a metric, which its labels tell from the others.
type sample struct {
	labels []string // names and values in turn
	value  float64
}

// one is a metric without labels.
func one[N int | int64](value N) sample { return sample{value: float64(value)} }

// labelled is a value that one label tells from the others.
func labelled[N int | int64 | float64](name, label string, value N) sample {
	return sample{[]string{name, label}, float64(value)}
}

// truth is 1 for yes and 0 for no.
func truth(yes bool) sample {
	if yes {
		return one(1)
	}
	return one(0)
}

// write adds a metric with all its samples; help is one line.
func (e *exposition) write(name, kind, help string, samples ...sample) {
	if len(samples) == 0 {
		return
	}
	fmt.Fprintf(e, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
	for _, s := range samples {
		e.WriteString(name)
		for i := 0; i+1 < len(s.labels); i += 2 {
			fmt.Fprintf(e, `%c%s="%s"`, opening(i), s.labels[i], escape.Replace(s.labels[i+1]))
		}
		if len(s.labels) > 0 {
			e.WriteByte('}')
		}
		fmt.Fprintf(e, " %s\n", strconv.FormatFloat(s.value, 'g', -1, 64))
	}
}

// opening is what stands before a label.
func opening(index int) rune {
	if index == 0 {
		return '{'
	}
	return ','
}

// escape is for the values of labels.
var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
