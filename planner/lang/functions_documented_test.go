package lang_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"viver/planner/lang"
)

// documented are the examples of OpenTofu's documentation for its functions, where they do not depend on the machine, and our own for
// ours. Sets are written in our order.
var documented = map[string]string{
	`abs(-12.4)`:                                                         `12.4`,
	`alltrue(["true", true])`:                                            `true`,
	`alltrue([true, false])`:                                             `false`,
	`anytrue(["true"])`:                                                  `true`,
	`anytrue([true, false])`:                                             `true`,
	`anytrue([])`:                                                        `false`,
	`base64decode("SGVsbG8gV29ybGQ=")`:                                   `"Hello World"`,
	`base64encode("Hello World")`:                                        `"SGVsbG8gV29ybGQ="`,
	`base64gunzip(base64gzip("Hello World"))`:                            `"Hello World"`,
	`base64sha256("hello world")`:                                        `"uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek="`,
	`base64sha512("hello world")`:                                        `"MJ7MSJwS1utMxA9QyQLytNDtd+5RGnx6m808qG1M2G+YndNbxf9JlnDaNCVbRbDP2DDoH2Bdz33FVC6TrpzXbw=="`,
	`basename("foo/bar/baz.txt")`:                                        `"baz.txt"`,
	`can({ bar = "baz" }.boop)`:                                          `false`,
	`ceil(5.1)`:                                                          `6`,
	`chomp("hello\r\n")`:                                                 `"hello"`,
	`chomp("hello\n\n")`:                                                 `"hello"`,
	`chunklist(["a", "b", "c", "d", "e"], 2)`:                            `[["a", "b"], ["c", "d"], ["e"]]`,
	`cidrcontains("192.168.2.0/20", "192.168.2.1")`:                      `true`,
	`cidrcontains("192.168.2.0/20", "192.168.2.0/22")`:                   `true`,
	`cidrcontains("192.168.2.0/20", "192.126.2.1")`:                      `false`,
	`cidrcontains("192.168.2.0/20", "192.126.2.0/18")`:                   `false`,
	`cidrcontains("192.168.2.0/20", "192.168.0.0/16")`:                   `false`,
	`cidrcontains("fe80::/48", "fe80::1")`:                               `true`,
	`cidrcontains("fe80::/48", "fe81::1")`:                               `false`,
	`cidrhost("10.12.112.0/20", 268)`:                                    `"10.12.113.12"`,
	`cidrhost("fd00:fd12:3456:7890:00a2::/72", 34)`:                      `"fd00:fd12:3456:7890::22"`,
	`cidrnetmask("172.16.0.0/12")`:                                       `"255.240.0.0"`,
	`cidrsubnet("172.16.0.0/12", 4, 2)`:                                  `"172.18.0.0/16"`,
	`cidrsubnet("10.1.2.0/24", 4, 15)`:                                   `"10.1.2.240/28"`,
	`cidrsubnet("fd00:fd12:3456:7890::/56", 16, 162)`:                    `"fd00:fd12:3456:7800:a200::/72"`,
	`cidrsubnets("10.1.0.0/16", 4, 4, 8, 4)`:                             `["10.1.0.0/20", "10.1.16.0/20", "10.1.32.0/24", "10.1.48.0/20"]`,
	`cidrsubnets("fd00:fd12:3456:7890::/56", 16, 32)`:                    `["fd00:fd12:3456:7800::/72", "fd00:fd12:3456:7800:100::/88"]`,
	`[for c in cidrsubnets("10.0.0.0/8", 8, 8) : cidrsubnets(c, 4, 4)]`:  `[["10.0.0.0/20", "10.0.16.0/20"], ["10.1.0.0/20", "10.1.16.0/20"]]`,
	`cidrrange("10.20.0.0/16", 254, 257)`:                                `["10.20.0.254", "10.20.0.255", "10.20.1.0", "10.20.1.1"]`,
	`cidrrange("fd00::/64", -2, -1)`:                                     `["fd00::ffff:ffff:ffff:fffe", "fd00::ffff:ffff:ffff:ffff"]`,
	`coalesce("", "b")`:                                                  `"b"`,
	`coalesce(1, 2)`:                                                     `1`,
	`coalesce(["", "b"]...)`:                                             `"b"`,
	`coalesce(1, "hello")`:                                               `"1"`,
	`coalesce(true, "hello")`:                                            `"true"`,
	`coalesce(null, sensitive(""), "b")`:                                 `sensitive("b")`,
	`coalescelist([], ["c", "d"])`:                                       `["c", "d"]`,
	`compact(["a", "", "b", null, "c"])`:                                 `["a", "b", "c"]`,
	`concat(["a", ""], ["b", "c"])`:                                      `["a", "", "b", "c"]`,
	`contains(["a", "b", "c"], "a")`:                                     `true`,
	`contains(["a", "b", "c"], "d")`:                                     `false`,
	`core::upper("a")`:                                                   `"A"`,
	`csvdecode("a,b,c\n1,2,3\n4,5,6")`:                                   `[{a: "1", b: "2", c: "3"}, {a: "4", b: "5", c: "6"}]`,
	`dirname("foo/bar/baz.txt")`:                                         `"foo/bar"`,
	`distinct(["a", "b", "a", "c", "d", "b"])`:                           `["a", "b", "c", "d"]`,
	`element(["a", "b", "c"], 1)`:                                        `"b"`,
	`element(["a", "b", "c"], 3)`:                                        `"a"`,
	`element(["a", "b", "c"], -1)`:                                       `"c"`,
	`endswith("hello world", "world")`:                                   `true`,
	`file("hello.txt")`:                                                  `"Hello World"`,
	`file("${path.module}/hello.txt")`:                                   `"Hello World"`,
	`filebase64("hello.txt")`:                                            `"SGVsbG8gV29ybGQ="`,
	`filebase64sha256("hello.txt") == base64sha256("Hello World")`:       `true`,
	`filebase64sha512("hello.txt") == base64sha512("Hello World")`:       `true`,
	`fileexists("hello.txt")`:                                            `true`,
	`fileexists("missing.txt")`:                                          `false`,
	`filemd5("hello.txt") == md5("Hello World")`:                         `true`,
	`filesha1("hello.txt") == sha1("Hello World")`:                       `true`,
	`filesha256("hello.txt") == sha256("Hello World")`:                   `true`,
	`filesha512("hello.txt") == sha512("Hello World")`:                   `true`,
	`fileset(path.module, "files/*.txt")`:                                `["files/hello.txt", "files/world.txt"]`,
	`fileset(path.module, "files/{hello,world}.txt")`:                    `["files/hello.txt", "files/world.txt"]`,
	`fileset("files", "*")`:                                              `["hello.txt", "world.txt"]`,
	`fileset("files", "**")`:                                             `["hello.txt", "subdirectory/anotherfile.txt", "world.txt"]`,
	`fileset("nowhere", "**")`:                                           `[]`,
	`flatten([["a", "b"], [], ["c"]])`:                                   `["a", "b", "c"]`,
	`flatten([[["a", "b"], []], ["c"]])`:                                 `["a", "b", "c"]`,
	`floor(4.9)`:                                                         `4`,
	`format("There are %d lights", 4)`:                                   `"There are 4 lights"`,
	`format("%#v", { a = 1 })`:                                           `"{\"a\":1}"`,
	`formatdate("DD MMM YYYY hh:mm ZZZ", "2018-01-02T23:12:01Z")`:        `"02 Jan 2018 23:12 UTC"`,
	`formatdate("EEEE, DD-MMM-YY hh:mm:ss ZZZ", "2018-01-02T23:12:01Z")`: `"Tuesday, 02-Jan-18 23:12:01 UTC"`,
	`formatdate("HH:mmaa", "2018-01-02T23:12:01Z")`:                      `"11:12pm"`,
	`formatdate("H 'o''clock'", "2018-01-02T23:12:01-08:00")`:            `"11 o'clock"`,
	`formatlist("%s, %s!", "Salutations", ["Valentina", "Ander"])`:       `["Salutations, Valentina!", "Salutations, Ander!"]`,
	`"  items: ${indent(2, "[\n  foo,\n  bar,\n]\n")}"`:                  `"  items: [\n    foo,\n    bar,\n  ]\n  "`,
	`index(["a", "b", "c"], "b")`:                                        `1`,
	`issensitive("hello")`:                                               `false`,
	`issensitive(sensitive("hello"))`:                                    `true`,
	`join(", ", ["foo", "bar", "baz"])`:                                  `"foo, bar, baz"`,
	`jsondecode("{\"hello\": \"world\"}")`:                               `{hello: "world"}`,
	`jsonencode({ "hello" = "world" })`:                                  `"{\"hello\":\"world\"}"`,
	`keys({ a = 1, c = 2, d = 3 })`:                                      `["a", "c", "d"]`,
	`length("👾🕹️")`:                                                      `2`,
	`log(50, 10)`:                                                        `1.6989700043360185`,
	`log(16, 2)`:                                                         `4`,
	`lookup({ a = "ay", b = "bee" }, "a", "what?")`:                      `"ay"`,
	`lookup({ a = "ay", b = "bee" }, "c", "what?")`:                      `"what?"`,
	`lookup(tomap({ a = sensitive("ay") }), "a")`:                        `sensitive("ay")`,
	`lower("АЛЛО!")`:                                                     `"алло!"`,
	`matchkeys(["i-123", "i-abc", "i-def"], ["us-west", "us-east", "us-east"], ["us-east"])`: `["i-abc", "i-def"]`,
	`matchkeys(["a", "b", "c"], [1, 2, 3], [1, "3"])`:                                        `["a", "c"]`,
	`max([12, 54, 3]...)`: `54`,
	`md5("hello world")`:  `"5eb63bbbe01eeed093cb22bb8f5acdc3"`,
	`merge({ a = "b" }, { a = [1, 2], c = "z" }, { d = 3 })`: `{a: [1, 2], c: "z", d: 3}`,
	`min(12, 54, 3)`:                                   `3`,
	`names("n[001-003]")`:                              `["n001", "n002", "n003"]`,
	`names("r[1-2]n[1-2]x, login")`:                    `["r1n1x", "r1n2x", "r2n1x", "r2n2x", "login"]`,
	`names("n[0-8/4,10]")`:                             `["n0", "n4", "n8", "n10"]`,
	`names("n[98-101]")`:                               `["n98", "n99", "n100", "n101"]`,
	`length(names("n[0001-9999]"))`:                    `9999`,
	`nonsensitive("clear")`:                            `"clear"`,
	`nonsensitive(jsondecode(sensitive("{\"a\":1}")))`: `{a: 1}`,
	`one([])`:                                          `null`,
	`one(toset(["hello"]))`:                            `"hello"`,
	`parseint("FF", 16)`:                               `255`,
	`parseint("aA", 62)`:                               `656`,
	`pathexpand("~/.ssh/id_rsa")`:                      `"/home/steve/.ssh/id_rsa"`,
	`pathexpand("/etc/resolv.conf")`:                   `"/etc/resolv.conf"`,
	`timecmp(plantimestamp(), "2020-01-01T00:00:00Z")`: `1`,
	`pow(3, 2)`:                                        `9`,
	`range(3)`:                                         `[0, 1, 2]`,
	`range(1, 8, 2)`:                                   `[1, 3, 5, 7]`,
	`range(4, 1)`:                                      `[4, 3, 2]`,
	`range(10, 5, -2)`:                                 `[10, 8, 6]`,
	`length(range(5000))`:                              `5000`,
	`regex("[a-z]+", "53453453.345345aaabbbccc23454")`:                                               `"aaabbbccc"`,
	`regex("(\\d\\d\\d\\d)-(\\d\\d)-(\\d\\d)", "2019-02-01")`:                                        `["2019", "02", "01"]`,
	`regex("^(?:(?P<scheme>[^:/?#]+):)?(?://(?P<authority>[^/?#]*))?", "https://example.com/docs/")`: `{authority: "example.com", scheme: "https"}`,
	`regexall("[a-z]+", "1234abcd5678efgh9")`:                                                        `["abcd", "efgh"]`,
	`replace("1 + 2 + 3", "+", "-")`:                                                                 `"1 - 2 - 3"`,
	`replace("hello world", "/w.*d/", "everybody")`:                                                  `"hello everybody"`,
	`reverse([1, 2, 3])`:                                       `[3, 2, 1]`,
	`rsadecrypt(file("cipher.txt"), file("key.pem"))`:          `"message"`,
	`sensitive("hello")`:                                       `sensitive("hello")`,
	`setintersection(["a", "b"], ["b", "c"], ["b", "d"])`:      `["b"]`,
	`setproduct(["development", "staging"], ["app1", "app2"])`: `[["development", "app1"], ["development", "app2"], ["staging", "app1"], ["staging", "app2"]]`,
	`setproduct(["staging", "production"], ["a", 2])`:          `[["staging", "a"], ["staging", "2"], ["production", "a"], ["production", "2"]]`,
	`setsubtract(["a", "b", "c"], ["a", "c"])`:                 `["b"]`,
	`setunion(["a", "b"], ["b", "c"], ["d"])`:                  `["a", "b", "c", "d"]`,
	`sha1("hello world")`:                                      `"2aae6c35c94fcfb415dbe95f408b9ce91ee846ed"`,
	`sha256("hello world")`:                                    `"b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"`,
	`substr(sha512("hello world"), 0, 16)`:                     `"309ecc489c12d6eb"`,
	`signum(-13)`:                                              `-1`,
	`slice(["a", "b", "c", "d"], 1, 3)`:                        `["b", "c"]`,
	`sort(["e", "d", "a", "x"])`:                               `["a", "d", "e", "x"]`,
	`split(",", "foo,bar,baz")`:                                `["foo", "bar", "baz"]`,
	`startswith("hello world", "hello")`:                       `true`,
	`strcontains("hello world", "wor")`:                        `true`,
	`strrev("hello")`:                                          `"olleh"`,
	`substr("🤔🤷", 0, 1)`:                                       `"🤔"`,
	`substr("hello world", -5, -1)`:                            `"world"`,
	`sum([10, 13, 6, 4.5])`:                                    `33.5`,
	`templatefile("backends.tftpl", { port = 8080, ip_addrs = ["10.0.0.1", "10.0.0.2"] })`:  `"backend 10.0.0.1:8080\nbackend 10.0.0.2:8080\n"`,
	`templatestring("Hello, $${name}!", { name = "Alice" })`:                                `"Hello, Alice!"`,
	`templatestring("List Items: $${join(\", \", list)}", { list = ["value1", "value2"] })`: `"List Items: value1, value2"`,
	`textdecodebase64("SABlAGwAbABvACAAVwBvAHIAbABkAA==", "UTF-16LE")`:                      `"Hello World"`,
	`textencodebase64("Hello World", "UTF-16LE")`:                                           `"SABlAGwAbABvACAAVwBvAHIAbABkAA=="`,
	`timeadd("2017-11-22T00:00:00Z", "10m")`:                                                `"2017-11-22T00:10:00Z"`,
	`timecmp("2017-11-22T00:00:00Z", "2017-11-22T01:00:00Z")`:                               `-1`,
	`timecmp("2017-11-22T01:00:00Z", "2017-11-22T00:00:00-01:00")`:                          `0`,
	`title("hello world")`:                              `"Hello World"`,
	`tobool("true")`:                                    `true`,
	`tolist(["a", "b", 3])`:                             `["a", "b", "3"]`,
	`tomap({ "a" = "foo", "b" = true })`:                `{a: "foo", b: "true"}`,
	`tonumber("1")`:                                     `1`,
	`toset(["c", "b", "b"])`:                            `["b", "c"]`,
	`tostring(true)`:                                    `"true"`,
	`transpose({ "a" = ["1", "2"], "b" = ["2", "3"] })`: `{1: ["a"], 2: ["a", "b"], 3: ["b"]}`,
	`trim("?!hello?!", "!?")`:                           `"hello"`,
	`trimprefix("helloworld", "hello")`:                 `"world"`,
	`trimspace("  hello\n\n")`:                          `"hello"`,
	`trimsuffix("helloworld", "world")`:                 `"hello"`,
	`try({ a = 1 }.b, "fallback")`:                      `"fallback"`,
	`type({ a = [1], b = tolist(["x"]) })`:              `"object({a=tuple([number]),b=list(string)})"`,
	`upper("hello")`:                                    `"HELLO"`,
	`urldecode("foo%3Abar%40localhost")`:                `"foo:bar@localhost"`,
	`urlencode("foo:bar@localhost?foo=bar&bar=baz")`:    `"foo%3Abar%40localhost%3Ffoo%3Dbar%26bar%3Dbaz"`,
	`uuidv5("dns", "www.opentofu.org")`:                 `"df1e675d-b743-5f6c-9952-6311d0f141df"`,
	`uuidv5("743ac3c0-3bf7-4a5b-9e6c-59360447c757", "LIBS:diskfont.library")`: `"ede1a974-df7e-5f17-84b9-76208818b2c8"`,
	`values({ a = 3, c = 2, d = 1 })`:                                         `[3, 2, 1]`,
	`yamldecode("{a: &foo [1, 2, 3], b: *foo}")`:                              `{a: [1, 2, 3], b: [1, 2, 3]}`,
	`yamlencode({ "a" : "b", "c" : "d" })`:                                    `"\"a\": \"b\"\n\"c\": \"d\"\n"`,
	`zipmap(["a", "b"], [1, 2])`:                                              `{a: 1, b: 2}`,
	`abspath("x") == "${path.root}/x"`:                                        `true`,
}

// elsewhere are functions that TestChangingFunctions shows.
var elsewhere = map[string]bool{"timestamp": true, "uuid": true, "bcrypt": true}

func TestDocumentedExamples(t *testing.T) {
	from, err := filepath.Abs("testdata/functions")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", "/home/steve")
	t.Chdir(t.TempDir())
	if err := os.CopyFS(".", os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	writeSecret(t, "message")
	shown := map[string]bool{}
	for expression, want := range documented {
		got, diags := evaluateOutput(t, expression)
		if diags.HasErrors() || got != want {
			t.Errorf("%s = %s, want %s; %v", expression, got, want, diags)
		}
		for _, name := range called(t, expression) {
			shown[name] = true
		}
	}
	for _, f := range lang.Functions() {
		if !f.Absent && !shown[f.Name] && !elsewhere[f.Name] {
			t.Errorf("no example for %s", f.Signature)
		}
	}
}

// writeSecret writes a key and a text that was encrypted with it.
func writeSecret(t *testing.T, message string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	//lint:ignore SA1019 what rsadecrypt decrypts
	secret, err := rsa.EncryptPKCS1v15(rand.Reader, &key.PublicKey, []byte(message))
	if err != nil {
		t.Fatal(err)
	}
	write(t, "cipher.txt", base64.StdEncoding.EncodeToString(secret))
	write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
}

func called(t *testing.T, expression string) []string {
	t.Helper()
	x, diags := hclsyntax.ParseExpression([]byte(expression), "", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var names []string
	_ = hclsyntax.VisitAll(x, func(n hclsyntax.Node) hcl.Diagnostics {
		if c, ok := n.(*hclsyntax.FunctionCallExpr); ok {
			names = append(names, strings.TrimPrefix(c.Name, "core::"))
		}
		return nil
	})
	return names
}
