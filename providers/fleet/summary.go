package fleet

import (
	"cmp"
	"slices"
	"time"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
	"viver/planner/addr"
)

// FieldSummary is what all nodes together say of the shared root.
type FieldSummary struct {
	// SeedMayGo says that every node takes part and sees every chunk on as many machines as there are to be. SeedNeeded says who does not, and
	// why.
	SeedMayGo  bool         `json:"seed_may_go"`
	SeedNeeded string       `json:"seed_needed,omitempty"`
	Images     []FieldImage `json:"images"` // by ID
	Nodes      []FieldView  `json:"nodes"`
}

// FieldImage is one image, as most see it.
type FieldImage struct {
	ID     spec.Digest `json:"id"`
	Bytes  int64       `json:"bytes"`
	Chunks int         `json:"chunks"`
	UsedBy []string    `json:"used_by"` // nodes that run it
	// SeenBy is the node whose view Replicas are: half of the nodes see chunks on more machines, half on fewer. Replicas are as in
	// field.ImageStatus.
	SeenBy   string `json:"seen_by"`
	Replicas []int  `json:"replicas"`
	// Coverage is that of the node which has watched for longest.
	Coverage []field.Coverage `json:"coverage"`
}

// Summarize puts views together.
func Summarize(views []FieldView) FieldSummary {
	s := FieldSummary{Nodes: views, Images: []FieldImage{}}
	seen := map[spec.Digest][]imageView{}
	for _, v := range views {
		switch {
		case v.Status == nil:
			s.SeedNeeded = cmp.Or(s.SeedNeeded, v.Node+": "+v.Error)
			continue
		case !v.Status.SeedMayGo:
			s.SeedNeeded = cmp.Or(s.SeedNeeded, v.Node+": "+v.Status.SeedNeeded)
		}
		for _, i := range v.Status.Images {
			seen[i.ID] = append(seen[i.ID], imageView{i, v.Node})
		}
	}
	s.SeedMayGo = s.SeedNeeded == "" && len(views) > 0
	for _, of := range seen {
		s.Images = append(s.Images, summarize(of))
	}
	slices.SortFunc(s.Images, func(a, b FieldImage) int { return cmp.Compare(a.ID, b.ID) })
	return s
}

// imageView is an image as one node sees it.
type imageView struct {
	field.ImageStatus
	node string
}

func summarize(views []imageView) FieldImage {
	slices.SortStableFunc(views, func(a, b imageView) int { return cmp.Compare(a.copies(), b.copies()) })
	middle := views[(len(views)-1)/2]
	i := FieldImage{ID: middle.ID, Bytes: middle.Bytes, Chunks: middle.Chunks, UsedBy: []string{}, SeenBy: middle.node, Replicas: middle.Replicas}
	for _, v := range views {
		if v.InUse {
			i.UsedBy = append(i.UsedBy, v.node)
		}
		if len(i.Coverage) == 0 || len(v.Coverage) > 0 && v.since().Before(i.Coverage[0].Time) {
			i.Coverage = v.Coverage
		}
	}
	slices.SortFunc(i.UsedBy, addr.Natural)
	return i
}

// copies is on how many machines the chunks are, all together.
func (v imageView) copies() (n int) {
	for machines, chunks := range v.Replicas {
		n += machines * chunks
	}
	return n
}

// since is when the node began to watch; v.Coverage is not empty.
func (v imageView) since() time.Time { return v.Coverage[0].Time }
