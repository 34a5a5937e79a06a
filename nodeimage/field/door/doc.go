// Package door is where other processes of a machine ask its member of V-FIELD, and tell it what an operator wishes: HTTP over a Unix
// socket which only root can open, with JSON in both directions.
//
//	GET  /status                         -> field.Status
//	GET  /map?image=ID                   -> []field.Range
//	POST /drain   {"name", "on"}
//	POST /prefer  {"name", "factor"}
//	POST /pin     []spec.Pin
//	POST /hold    spec.Manifest          byte for byte as the image's ID is made of it
//	POST /drop    {"image"}
//	POST /leave   {"force"}              answers when the member may go, or why it may not
//
// What fails is answered with a text, and with a status that says of which kind it is. Both ends are here; they are of the same version,
// as they are of the same program.
package door

import (
	"context"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
)

// Member is what stands behind the door. Its methods are called from several goroutines at once.
type Member interface {
	// Status, Map, Drain, Prefer and Pin are those of field.Field.
	Status() (field.Status, error)
	Map(image spec.Digest) ([]field.Range, error)
	Drain(name string, on bool) error
	Prefer(name string, factor float64) error
	Pin(pins []spec.Pin) error
	// Hold has it take part in an image beside the machine's own, by the manifest as it is written; Drop ends that, unless somebody
	// runs the image. What a machine holds it holds again when it becomes another member.
	Hold(manifest []byte) error
	Drop(image spec.Digest) error
	// Leave is that of member.Member.
	Leave(ctx context.Context, force bool) error
}

// Of returns a member that answers as f does, and leaves as leave does. What it holds ends with f.
func Of(f *field.Field, leave func(ctx context.Context, force bool) error) Member {
	return whole{f, leave}
}

type whole struct {
	*field.Field
	leave func(ctx context.Context, force bool) error
}

func (w whole) Hold(manifest []byte) error {
	id := spec.DigestOf(manifest)
	m, err := spec.DecodeManifest(manifest, id)
	if err == nil {
		_, err = w.Add(id, m.Root)
	}
	return err
}

func (w whole) Drop(image spec.Digest) error { return w.Remove(image) }

func (w whole) Leave(ctx context.Context, force bool) error { return w.leave(ctx, force) }

// drain, prefer, drop and leave are what is sent to the paths with these names.
type (
	drain struct {
		Name string `json:"name"`
		On   bool   `json:"on"`
	}
	prefer struct {
		Name   string  `json:"name"`
		Factor float64 `json:"factor"`
	}
	drop struct {
		Image spec.Digest `json:"image"`
	}
	leave struct {
		Force bool `json:"force"`
	}
)
