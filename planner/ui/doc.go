// Package ui shows plans, progress, results and errors: to a person at a terminal, as lines to a log, or as JSON to a program. It decides
// nothing, and knows of types only what their schemas and a Summarizer say.
package ui
