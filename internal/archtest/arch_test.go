// SPDX-License-Identifier: Apache-2.0

// Package archtest holds the rules about the shape of the source that ARCHITECTURE.md
// states, as tests.
package archtest

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// tiers are the rooms from the bottom up. A package imports its own tier or lower.
var tiers = []string{"internal/base/", "internal/proto/", "internal/core/", "internal/edge/"}

func tier(path string) int {
	for n, prefix := range tiers {
		if strings.HasPrefix(path+"/", "sesame/"+prefix) {
			return n
		}
	}
	return len(tiers) // app, config, cmd and the like may import anything
}

// edge is the edge that a package belongs to: api, smtp, console...
func edge(path string) string {
	rest, ok := strings.CutPrefix(path, "sesame/internal/edge/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// shared are no edges: what several have in common of HTTP, of signatures and of pages.
var shared = map[string]bool{"httpx": true, "page": true, "signer": true}

type listed struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "sesame/internal/...", "sesame/cmd/...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var ps []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return ps
		} else if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
}

func TestImportsGoDownOrSideways(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, i := range p.Imports {
			own := strings.HasPrefix(i, "sesame/")
			switch {
			case own && tier(p.ImportPath) < tier(i):
				t.Errorf("%s imports %s, which is above it", p.ImportPath, i)
			case edge(p.ImportPath) != "" && edge(i) != "" && !shared[edge(i)] && edge(i) != edge(p.ImportPath):
				t.Errorf("%s imports another edge, %s", p.ImportPath, i)
			case tier(p.ImportPath) == 0 && !own && strings.Contains(strings.Split(i, "/")[0], "."):
				t.Errorf("%s imports %s: base has the standard library only", p.ImportPath, i)
			case tier(p.ImportPath) <= 1 && (i == "database/sql" || strings.Contains(i, "prometheus")):
				t.Errorf("%s imports %s: proto knows no database and no metrics", p.ImportPath, i)
			case strings.HasPrefix(i, "sesame/internal/testkit") && !strings.HasPrefix(p.ImportPath, "sesame/internal/testkit"):
				t.Errorf("%s imports %s, which is for tests", p.ImportPath, i)
			case i == "sesame/internal/config" && p.ImportPath != "sesame/internal/app" && !strings.HasPrefix(p.ImportPath, "sesame/cmd/"):
				t.Errorf("%s imports the configuration: only app and cmd know it", p.ImportPath)
			}
		}
	}
}

// sources calls fn with every Go file of the product that is not a test.
func sources(t *testing.T, fn func(path string, file *ast.File, lines int, set *token.FileSet)) {
	t.Helper()
	root := filepath.Join("..", "..")
	for _, dir := range []string{"internal", "cmd"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, path, text, parser.ParseComments)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, path)
			fn(rel, f, strings.Count(string(text), "\n"), set)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

const (
	maxFile     = 800
	maxFunction = 100
	maxParams   = 5
)

// othersDictate tells the files whose functions have the parameters that C or the interface
// of a library wants.
func othersDictate(path string) bool {
	return strings.Contains(path, "rsasign") || strings.HasSuffix(path, "edge/s3/backend.go")
}

func TestFilesAndFunctionsFitAReader(t *testing.T) {
	t.Parallel()
	sources(t, func(path string, f *ast.File, lines int, set *token.FileSet) {
		if ast.IsGenerated(f) {
			return
		}
		if lines > maxFile {
			t.Errorf("%s has %d lines", path, lines)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := set.Position(fn.End()).Line - set.Position(fn.Pos()).Line; n > maxFunction {
				t.Errorf("%s: %s has %d lines", path, fn.Name.Name, n)
			}
			if n := fn.Type.Params.NumFields(); n > maxParams && !othersDictate(path) {
				t.Errorf("%s: %s has %d parameters", path, fn.Name.Name, n)
			}
			if fn.Name.Name == "init" && fn.Recv == nil {
				t.Errorf("%s has an init function", path)
			}
		}
	})
}

func TestEveryFileNamesItsLicence(t *testing.T) {
	t.Parallel()
	sources(t, func(path string, f *ast.File, _ int, _ *token.FileSet) {
		if ast.IsGenerated(f) {
			return
		}
		if len(f.Comments) == 0 || f.Comments[0].Text() != "SPDX-License-Identifier: Apache-2.0\n" {
			t.Errorf("%s does not begin with its licence", path)
		}
	})
}

// leftOver finds words for work that was left.
var leftOver = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)

func TestNothingIsLeftForLater(t *testing.T) {
	t.Parallel()
	sources(t, func(path string, f *ast.File, _ int, _ *token.FileSet) {
		for _, c := range f.Comments {
			if leftOver.MatchString(c.Text()) {
				t.Errorf("%s: %s", path, c.Text())
			}
		}
	})
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	comments := map[string]int{}
	sources(t, func(path string, f *ast.File, _ int, _ *token.FileSet) {
		dir := filepath.Dir(path)
		if f.Doc != nil && len(f.Doc.Text()) > 0 {
			comments[dir]++
		} else {
			comments[dir] += 0
		}
	})
	for dir, n := range comments {
		if n != 1 {
			t.Errorf("%s has %d package comments, want one", dir, n)
		}
	}
}
