package lang

import "strings"

// Word describes an argument or a block of the language itself, which no resource.Schema has.
type Word struct {
	Name     string
	Type     string // "string", "bool", "any", "list(reference)"; empty for a block
	Required bool
	Text     string
	Labels   []string // of a block: "name"
	Words    []Word   // in a block
	Any      bool     // of a block: arguments of any name can stand in it
}

// IsBlock reports whether w is a block, and not an argument.
func (w Word) IsBlock() bool { return w.Type == "" }

// conditionWords stand in all blocks that say what must hold.
func conditionWords() []Word {
	return []Word{
		{Name: "condition", Type: "bool", Required: true, Text: "What must be true."},
		{Name: "error_message", Type: "string", Required: true, Text: "What to say when it is not."},
	}
}

// repetitionWords are arguments of every block that can have many instances.
func repetitionWords() []Word {
	return []Word{
		{Name: "count", Type: "number", Text: "How many instances; count.index tells them apart."},
		{Name: "for_each", Type: "any", Text: "An instance for each element of a map or a set; each.key and each.value tell them apart."},
		{Name: "depends_on", Type: "list(reference)", Text: "Blocks and Pacs that come before this one though no argument mentions them."},
	}
}

// LanguageBlocks describes the blocks that every configuration can have, beside those that resource types stand behind.
func LanguageBlocks() []Word {
	name := []string{"name"}
	return []Word{
		{Name: "viver", Text: "What a module needs.", Words: []Word{
			{Name: "required_version", Type: "string", Text: "Versions of viver that will do: \"~> 0.1\"."},
			{Name: "requires", Text: "What a Pac expects of the images and machines on which it acts.", Words: []Word{
				{Name: "distribution", Type: "list(string)", Text: "Distributions that will do, by their ID in os-release: \"debian\"."},
				{Name: "packages", Type: "list(string)", Text: "Packages that must be there, beside those that its steps bring."},
				{Name: "kernel_modules", Type: "list(string)", Text: "Kernel modules that must be there."},
			}},
			{Name: "state", Labels: []string{"kind"}, Text: "Where the state is kept, in the root module: \"ssh\" or \"etcd\"; without it, in the folder .viver.", Words: []Word{
				{Name: "host", Type: "string", Text: "ssh: a machine with an sshd, a shell and flock."},
				{Name: "path", Type: "string", Text: "ssh: a folder there."},
				{Name: "port", Type: "number", Text: "ssh: 22 unless said otherwise."},
				{Name: "user", Type: "string", Text: "ssh: who logs in, the same for all operators; etcd: its own user."},
				{Name: "identity_file", Type: "string", Text: "ssh: a private key; else those of ssh-agent and ~/.ssh."},
				{Name: "host_key", Type: "string", Text: "ssh: the machine's public key; else known_hosts must have it."},
				{Name: "endpoints", Type: "list(string)", Text: "etcd: https://HOST:PORT of its servers."},
				{Name: "prefix", Type: "string", Text: "etcd: what the keys begin with."},
				{Name: "password_file", Type: "string", Text: "etcd: a file with the user's password."},
				{Name: "ca_file", Type: "string", Text: "etcd: certificates of authorities, in PEM; else the system's."},
				{Name: "cert_file", Type: "string", Text: "etcd: our certificate, in PEM."},
				{Name: "key_file", Type: "string", Text: "etcd: its key, in PEM."},
			}},
			{Name: "state", Labels: []string{"kind"}, Any: true, Text: "Where the state is kept, if not in .viver beside the configuration: \"ssh\" or \"etcd\"."},
		}},
		{Name: "variable", Labels: name, Text: "An input of the module.", Words: []Word{
			{Name: "type", Type: "type", Text: "string, number, bool, list( ), set( ), map( ), object({ }), tuple([ ]), any, or what it refers to: node, server, machine (either of these), image, network, pac."},
			{Name: "default", Type: "any", Text: "Value where none is given; without it the variable is required."},
			{Name: "description", Type: "string", Text: "What it is for."},
			{Name: "sensitive", Type: "bool", Text: "It is neither shown nor stored."},
			{Name: "nullable", Type: "bool", Text: "null is a value; false: the default takes its place."},
			{Name: "validation", Text: "A rule for its value.", Words: conditionWords()},
		}},
		{Name: "locals", Any: true, Text: "Names for values: NAME = EXPRESSION, used as local.NAME."},
		{Name: "output", Labels: name, Text: "A value that the module gives.", Words: []Word{
			{Name: "value", Type: "any", Required: true, Text: "The value."},
			{Name: "description", Type: "string", Text: "What it is."},
			{Name: "sensitive", Type: "bool", Text: "It is neither shown nor stored."},
			{Name: "depends_on", Type: "list(reference)", Text: "What must be there before the value counts."},
		}},
		{Name: "check", Labels: name, Text: "What should hold in the end; where it does not, there is a warning.", Words: []Word{
			{Name: "assert", Text: "One thing that should hold.", Words: conditionWords()},
		}},
		{Name: pacKind, Labels: name, Any: true, Text: "An instance of a Pac. Its other arguments are the Pac's variables.", Words: append([]Word{
			{Name: "source", Type: "string", Required: true, Text: "./NAME, builtin/NAME, git::URL//DIR?ref=TAG or oci://HOST/NAME:TAG."},
			{Name: "version", Type: "string", Text: "For git:: and oci:// without a tag: which tags will do, \"~> 1.2\"."},
		}, repetitionWords()...)},
		{Name: "moved", Text: "Says that what stood at one address is what stands at another one now.", Words: []Word{
			{Name: "from", Type: "reference", Required: true, Text: "The former address."},
			{Name: "to", Type: "reference", Required: true, Text: "The present one."},
		}},
		{Name: "removed", Text: "Says what becomes of something that is no longer declared.", Words: []Word{
			{Name: "from", Type: "reference", Required: true, Text: "Its former address."},
			{Name: lifecycleBlock, Text: "What to do with it.", Words: []Word{
				{Name: "destroy", Type: "bool", Required: true, Text: "true: take it away; false: forget it and leave it there."},
			}},
		}},
		{Name: "import", Text: "Takes something over that is there already.", Words: []Word{
			{Name: "to", Type: "reference", Required: true, Text: "The address that it gets."},
			{Name: "id", Type: "string", Required: true, Text: "What its type knows it by."},
			{Name: "for_each", Type: "any", Text: "An import for each element of a map or a set."},
		}},
	}
}

// ResourceWords are the arguments and blocks that a block of this type has beside those of its schema.
func ResourceWords(kind string) []Word {
	words := append(repetitionWords(),
		Word{Name: "protect", Type: "bool", Text: "true: it is neither destroyed nor replaced."},
		Word{Name: lifecycleBlock, Text: "How it is treated when it changes.", Words: []Word{
			{Name: "ignore_changes", Type: "list(reference)", Text: "Arguments whose changes do not count; all: none does."},
			{Name: "replace_triggered_by", Type: "list(reference)", Text: "Others whose changes ask for a replacement of this one."},
			{Name: "precondition", Text: "What must hold before it is brought about.", Words: conditionWords()},
			{Name: "postcondition", Text: "What must hold of it afterwards; self is the instance.", Words: conditionWords()},
		}})
	if strings.HasPrefix(kind, stepPrefix) {
		words = append(words,
			Word{Name: "on", Type: "reference", Required: true, Text: "Where the step acts: a node, a server, an image, or a list of them."},
			Word{Name: "timeout", Type: "string", Text: "How long it may take: \"5m\"."})
	}
	return words
}
