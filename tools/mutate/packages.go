package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// goPackage is a package as `go list -json` describes it.
type goPackage struct {
	ImportPath, Dir, Name     string
	GoFiles                   []string
	TestGoFiles, XTestGoFiles []string
}

// tested reports whether there is something to run for the package.
func (p *goPackage) tested() bool { return len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 }

func listPackages(ctx context.Context, root string, patterns []string) ([]*goPackage, error) {
	args := append([]string{"list", "-json=ImportPath,Dir,Name,GoFiles,TestGoFiles,XTestGoFiles", "--"}, patterns...)
	out, err := run(ctx, root, "go", args...)
	if err != nil {
		return nil, err
	}
	var list []*goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(goPackage)
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		list = append(list, p)
	}
}

// run returns the output of a command; its error says what the command said.
func run(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", name, args[0], err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}

// changedFiles returns the files that differ from a git reference, or rather from where
// the branch left it, and files that git does not know yet. Names are relative to the root.
func changedFiles(ctx context.Context, root, ref string) (map[string]bool, error) {
	if strings.HasPrefix(ref, "-") {
		return nil, fmt.Errorf("changed: %q is not a git reference", ref)
	}
	diff, err := run(
		ctx,
		root,
		"git",
		"diff",
		"--name-only",
		"--relative",
		"--no-renames",
		"-z",
		"--merge-base",
		ref,
		"--",
	)
	if err != nil {
		return nil, err
	}
	added, err := run(ctx, root, "git", "ls-files", "--others", "--exclude-standard", "-z")
	if err != nil {
		return nil, err
	}
	files := map[string]bool{}
	for name := range strings.SplitSeq(string(diff)+string(added), "\x00") {
		if name != "" {
			files[name] = true
		}
	}
	return files, nil
}

// source is a file that has mutants.
type source struct {
	path string // absolute
	text []byte
}

// candidates returns the mutants of a package in the order in which they are drawn, and
// the sources by the names that mutants have. With only, other files are left out.
func candidates(root string, p *goPackage, seed uint64, only map[string]bool) ([]mutant, map[string]source, error) {
	var all []mutant
	sources := map[string]source{}
	files := slices.Sorted(slices.Values(p.GoFiles))
	for _, base := range files {
		path := filepath.Join(p.Dir, base)
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return nil, nil, fmt.Errorf("package %s: %w", p.ImportPath, err)
		}
		name := filepath.ToSlash(rel)
		if only != nil && !only[name] {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		found, err := mutants(name, text)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		sources[name] = source{path, text}
		all = append(all, found...)
	}
	h := fnv.New64a()
	_, _ = io.WriteString(h, p.ImportPath) // a hash does not fail
	r := rand.New(rand.NewPCG(seed, h.Sum64()))
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all, sources, nil
}
