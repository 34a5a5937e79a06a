package lang

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"

	"viver/planner/resource"
	"viver/planner/source"
)

// maxDepth is how deep Pacs may call Pacs.
const maxDepth = 32

// LoadOptions says what a configuration may consist of.
type LoadOptions struct {
	// Schemas are the block types that exist, by the names of their resource.Type: "image", "node", "step.file".
	Schemas map[string]*resource.Schema
	// Builtin holds a folder for each source "builtin/NAME"; nil: there are none.
	Builtin fs.FS
	// Remote has the Pacs of sources that must be fetched; nil: there are none.
	Remote source.Remote
	// Version of this viver ("0.1.0"), for required_version; empty: not checked.
	Version string
	// Root is the body of the root module, in the place of all files in its folder: for tests that have a configuration of their own. nil:
	// there are only the files.
	Root hcl.Body
}

// Config is a loaded module tree. It does not change, and is safe for concurrent use.
type Config struct {
	root    *module
	files   map[string]*hcl.File
	options LoadOptions
	// planTime is what plantimestamp( ) says.
	planTime time.Time
}

// PlanTime is the time that plantimestamp( ) says: when the configuration was loaded, so that all evaluations of it agree.
func (c *Config) PlanTime() time.Time { return c.planTime }

// SetPlanTime makes plantimestamp( ) say another time: that of the plan which is carried out. Call it before there is an Evaluator.
func (c *Config) SetPlanTime(t time.Time) { c.planTime = t }

// Files returns the source of all files that were read, by the names that ranges carry: for snippets in messages.
func (c *Config) Files() map[string]*hcl.File { return c.files }

// Load reads the *.viver.hcl and *.viver.hcl.json files of a folder and, through their pac blocks, the whole module tree. All names,
// block types and arguments are checked here; values are not. The Config is never nil: with errors it is only good for Files.
func Load(dir string, o LoadOptions) (*Config, hcl.Diagnostics) {
	l := &loader{LoadOptions: o, parser: hclparse.NewParser(), modules: map[string]*module{}}
	l.kinds = kindsOf(o.Schemas)
	root, err := source.Local(dir)
	if err != nil {
		l.report(errorf(nil, "Configuration not found", "%s. Name the folder with -C DIR.", upperFirst(err.Error())))
		return &Config{}, l.diags
	}
	c := &Config{root: l.loadRoot(root), options: o, planTime: time.Now()}
	if !l.diags.HasErrors() {
		l.checkReferences()
	}
	c.files = l.parser.Files()
	return c, l.diags
}

// loader holds what one Load needs and finds.
type loader struct {
	LoadOptions
	kinds   []string // block types without steps: "image", "network"
	parser  *hclparse.Parser
	modules map[string]*module // by source.Dir.Path; a folder is read once, however many Pacs name it
	order   []*module
	broken  []hcl.Body // of files that are no HCL
	diags   hcl.Diagnostics
}

func (l *loader) report(diags ...*hcl.Diagnostic) { l.diags = append(l.diags, diags...) }

func kindsOf(schemas map[string]*resource.Schema) []string {
	var kinds []string
	for name := range schemas {
		if !strings.HasPrefix(name, stepPrefix) {
			kinds = append(kinds, name)
		}
	}
	slices.Sort(kinds)
	return kinds
}

// stepTypes lists the types of steps: "file", "package".
func (l *loader) stepTypes() []string {
	var types []string
	for name := range l.Schemas {
		if t, ok := strings.CutPrefix(name, stepPrefix); ok {
			types = append(types, t)
		}
	}
	slices.Sort(types)
	return types
}

func (l *loader) loadRoot(dir source.Dir) *module {
	if l.Root == nil {
		return l.load(dir, nil)
	}
	m := newModule(dir) // not that of the folder, which this one may call
	l.fill(m, []hcl.Body{l.Root}, nil)
	return m
}

// load reads the module in dir and those that it calls. above are the folders of the modules on the way to it.
func (l *loader) load(dir source.Dir, above []source.Dir) *module {
	if m, ok := l.modules[dir.Path]; ok {
		return m
	}
	m := newModule(dir)
	l.modules[dir.Path] = m
	l.fill(m, l.parse(dir), append(above[:len(above):len(above)], dir))
	return m
}

func (l *loader) fill(m *module, bodies []hcl.Body, above []source.Dir) {
	l.order = append(l.order, m)
	for _, body := range bodies {
		if !slices.Contains(l.broken, body) { // what stands in half a file is not judged
			l.decodeBody(m, body)
		}
	}
	for _, c := range m.calls {
		l.loadCallee(m, c, above)
	}
}

func (l *loader) loadCallee(m *module, c *call, above []source.Dir) {
	if c.source == "" {
		return // reported already
	}
	dir, err := source.Places{Builtin: l.Builtin, Remote: l.Remote}.Resolve(m.dir, c.source, c.version)
	if err != nil {
		l.report(errorf(&c.sourceRange, "Pac not found", "The source %q of pac %q: %s.", c.source, c.name, err))
		return
	}
	switch from := slices.IndexFunc(above, func(d source.Dir) bool { return d.Path == dir.Path }); {
	case from >= 0:
		l.report(errorf(&c.sourceRange, "Pac calls itself", "The source %q leads back to a module that this one is called from: %s.", c.source, circle(above[from:])))
		return
	case len(above) >= maxDepth:
		l.report(errorf(&c.sourceRange, "Pacs too deep", "Pacs may call each other at most %d deep.", maxDepth))
		return
	}
	c.callee = l.load(dir, above)
}

func circle(dirs []source.Dir) string {
	var b strings.Builder
	for _, d := range dirs {
		b.WriteString(d.Label("") + " -> ")
	}
	return b.String() + dirs[0].Label("")
}

// parse returns the bodies of a folder's configuration files.
func (l *loader) parse(dir source.Dir) []hcl.Body {
	names, err := dir.Names()
	if err != nil {
		l.report(errorf(nil, "Configuration not readable", "%s.", upperFirst(err.Error())))
		return nil
	}
	var bodies []hcl.Body
	found := false
	for _, name := range names {
		read := l.parser.ParseHCL
		switch {
		case strings.HasPrefix(name, "."), IsTest(name):
			continue
		case strings.HasSuffix(name, ".viver.hcl.json"):
			read = l.parser.ParseJSON
		case !strings.HasSuffix(name, ".viver.hcl"):
			continue
		}
		found = true
		data, err := dir.ReadFile(name)
		if err != nil {
			l.report(errorf(nil, "Configuration not readable", "%s.", upperFirst(err.Error())))
			continue
		}
		if d := checkText(dir.Label(name), data); d != nil {
			l.report(d)
			continue
		}
		file, diags := read(data, dir.Label(name))
		l.report(few(dir.Label(name), diags)...)
		if file != nil {
			if diags.HasErrors() {
				l.broken = append(l.broken, file.Body)
			}
			bodies = append(bodies, file.Body)
		}
	}
	if !found {
		l.report(errorf(nil, "No configuration", "The folder %s has no file whose name ends in .viver.hcl.", dir.Label("")))
	}
	return bodies
}

// IsTest reports whether a file of this name has tests of a configuration: it is no part of it.
func IsTest(name string) bool {
	return strings.HasSuffix(name, ".test.viver.hcl") || strings.HasSuffix(name, ".test.viver.hcl.json")
}

// errorf returns an error. subject may be nil where no file is to blame.
func errorf(subject *hcl.Range, summary, detail string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(detail, args...), Subject: subject}
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
