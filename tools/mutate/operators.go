package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// A mutant is one change of one file.
type mutant struct {
	File     string `json:"file"` // relative to the root, with slashes
	Line     int    `json:"line"`
	Function string `json:"function,omitempty"` // empty: outside of functions
	Operator string `json:"operator"`
	Before   string `json:"before"` // the first line that changes
	After    string `json:"after"`  // and the same line in the mutant

	pos, end int // what is replaced, in bytes of the file
	text     string
}

// source returns the mutated file.
func (m *mutant) source(original []byte) []byte {
	return slices.Concat(original[:m.pos], []byte(m.text), original[m.end:])
}

// binaries are the operators that replace a binary operator or the operator of an
// assignment by another one.
var binaries = map[token.Token]struct {
	operator string
	to       token.Token
}{
	token.LSS:     {"boundary", token.LEQ},
	token.LEQ:     {"boundary", token.LSS},
	token.GTR:     {"boundary", token.GEQ},
	token.GEQ:     {"boundary", token.GTR},
	token.EQL:     {"equality", token.NEQ},
	token.NEQ:     {"equality", token.EQL},
	token.LAND:    {"logic", token.LOR},
	token.LOR:     {"logic", token.LAND},
	token.ADD:     {"arithmetic", token.SUB},
	token.SUB:     {"arithmetic", token.ADD},
	token.MUL:     {"arithmetic", token.QUO},
	token.QUO:     {"arithmetic", token.MUL},
	token.REM:     {"arithmetic", token.MUL},
	token.SHL:     {"arithmetic", token.SHR},
	token.SHR:     {"arithmetic", token.SHL},
	token.AND:     {"arithmetic", token.OR},
	token.OR:      {"arithmetic", token.AND},
	token.XOR:     {"arithmetic", token.AND},
	token.AND_NOT: {"arithmetic", token.AND},

	token.ADD_ASSIGN:     {"arithmetic", token.SUB_ASSIGN},
	token.SUB_ASSIGN:     {"arithmetic", token.ADD_ASSIGN},
	token.MUL_ASSIGN:     {"arithmetic", token.QUO_ASSIGN},
	token.QUO_ASSIGN:     {"arithmetic", token.MUL_ASSIGN},
	token.REM_ASSIGN:     {"arithmetic", token.MUL_ASSIGN},
	token.SHL_ASSIGN:     {"arithmetic", token.SHR_ASSIGN},
	token.SHR_ASSIGN:     {"arithmetic", token.SHL_ASSIGN},
	token.AND_ASSIGN:     {"arithmetic", token.OR_ASSIGN},
	token.OR_ASSIGN:      {"arithmetic", token.AND_ASSIGN},
	token.XOR_ASSIGN:     {"arithmetic", token.AND_ASSIGN},
	token.AND_NOT_ASSIGN: {"arithmetic", token.AND_ASSIGN},
	token.INC:            {"arithmetic", token.DEC},
	token.DEC:            {"arithmetic", token.INC},
}

// finder collects the mutants of a file.
type finder struct {
	file    *token.File
	name    string
	src     []byte
	mutants []mutant

	function string            // that is being walked
	results  *ast.FieldList    // of the innermost function or literal
	posts    map[ast.Stmt]bool // what loops do after each turn: without it they never end
}

// mutants returns the mutants of a file in the order of their places. Some of them may
// not compile.
func mutants(name string, src []byte) ([]mutant, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution|parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	if ast.IsGenerated(tree) {
		return nil, nil
	}
	f := &finder{file: fset.File(tree.Pos()), name: name, src: src, posts: map[ast.Stmt]bool{}}
	for _, d := range tree.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body != nil {
				f.function = functionName(d)
				f.walk(d.Body, d.Type.Results)
			}
		case *ast.GenDecl:
			if d.Tok == token.VAR || d.Tok == token.CONST {
				f.function = ""
				f.walk(d, nil)
			}
		}
	}
	slices.SortStableFunc(f.mutants, func(a, b mutant) int { return cmp.Or(a.pos-b.pos, a.end-b.end) })
	return f.mutants, nil
}

// functionName is the name of a function as in a profile: (*T).Method, T.Method or Func.
func functionName(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return d.Name.Name
	}
	t, format := d.Recv.List[0].Type, "%s.%s"
	if p, ok := t.(*ast.StarExpr); ok {
		t, format = p.X, "(*%s).%s"
	}
	switch g := t.(type) {
	case *ast.IndexExpr:
		t = g.X
	case *ast.IndexListExpr:
		t = g.X
	}
	base := ""
	if id, ok := t.(*ast.Ident); ok {
		base = id.Name
	}
	return fmt.Sprintf(format, base, d.Name.Name)
}

// walk collects the mutants of a node. The types of array lengths and the like are left
// alone as they are not statements.
func (f *finder) walk(n ast.Node, results *ast.FieldList) {
	outer := f.results
	f.results = results
	defer func() { f.results = outer }()
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			f.walk(n.Body, n.Type.Results)
			return false
		case *ast.ArrayType, *ast.StructType, *ast.InterfaceType:
			return false
		case ast.Expr:
			f.expression(n)
		case ast.Stmt:
			f.statement(n)
		}
		return true
	})
}

func (f *finder) expression(n ast.Expr) {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		f.binary(n)
	case *ast.UnaryExpr:
		if n.Op == token.SUB || n.Op == token.NOT {
			f.replace("unary", n.Pos(), n.X.Pos(), "")
		}
	case *ast.BasicLit:
		f.constant(n)
	case *ast.CallExpr:
		if id, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 1 {
			switch id.Name {
			case "min":
				f.replace("min/max", id.Pos(), id.End(), "max")
			case "max":
				f.replace("min/max", id.Pos(), id.End(), "min")
			}
		}
	}
}

func (f *finder) binary(n *ast.BinaryExpr) {
	if isString(n.X) || isString(n.Y) {
		if n.Op == token.ADD {
			return
		}
	}
	b, ok := binaries[n.Op]
	if !ok {
		return
	}
	f.replace(b.operator, n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), b.to.String())
	if n.Op == token.LAND || n.Op == token.LOR {
		f.replace("side", n.X.End(), n.Y.End(), "")
		f.replace("side", n.X.Pos(), n.Y.Pos(), "")
	}
}

// isString reports whether an expression contains a string: then + joins strings.
func isString(n ast.Expr) bool {
	switch n := n.(type) {
	case *ast.BasicLit:
		return n.Kind == token.STRING
	case *ast.BinaryExpr:
		return n.Op == token.ADD && (isString(n.X) || isString(n.Y))
	case *ast.ParenExpr:
		return isString(n.X)
	}
	return false
}

func (f *finder) constant(n *ast.BasicLit) {
	if n.Kind != token.INT && n.Kind != token.FLOAT {
		return
	}
	if v, err := strconv.ParseInt(n.Value, 0, 64); err == nil && v > 0 {
		f.replace("constant", n.Pos(), n.End(), strconv.FormatInt(v-1, 10))
		f.replace("constant", n.Pos(), n.End(), strconv.FormatInt(v+1, 10))
		return
	} else if err == nil && v == 0 {
		f.replace("constant", n.Pos(), n.End(), "1")
		f.replace("constant", n.Pos(), n.End(), "(-1)")
		return
	}
	f.replace("constant", n.Pos(), n.End(), "("+n.Value+" - 1)")
	f.replace("constant", n.Pos(), n.End(), "("+n.Value+" + 1)")
}

func (f *finder) statement(n ast.Stmt) {
	switch n := n.(type) {
	case *ast.IfStmt:
		f.negate(n.Cond)
		if n.Else != nil {
			f.replace("else", n.Body.End(), n.Else.End(), "")
		}
	case *ast.ForStmt:
		f.posts[n.Post] = true
		if n.Cond != nil {
			f.negate(n.Cond)
		}
	case *ast.ExprStmt:
		if _, ok := n.X.(*ast.CallExpr); ok {
			f.replace("remove call", n.Pos(), n.End(), "")
		}
	case *ast.DeferStmt:
		f.replace("remove defer", n.Pos(), n.End(), "")
	case *ast.AssignStmt:
		f.assignment(n)
	case *ast.IncDecStmt:
		f.replace("arithmetic", n.TokPos, n.End(), binaries[n.Tok].to.String())
		if !f.posts[n] {
			f.replace("remove assignment", n.Pos(), n.End(), "")
		}
	case *ast.BranchStmt:
		if n.Label == nil && (n.Tok == token.CONTINUE || n.Tok == token.BREAK) {
			f.replace("remove "+n.Tok.String(), n.Pos(), n.End(), "")
		}
	case *ast.ReturnStmt:
		f.returns(n)
	case *ast.CaseClause:
		f.empty(n.Body)
	case *ast.CommClause:
		f.empty(n.Body)
	}
}

func (f *finder) empty(body []ast.Stmt) {
	if len(body) > 0 {
		f.replace("empty case", body[0].Pos(), body[len(body)-1].End(), "")
	}
}

func (f *finder) negate(cond ast.Expr) {
	f.replace("negate", cond.Pos(), cond.End(), "!("+f.text(cond)+")")
}

func (f *finder) assignment(n *ast.AssignStmt) {
	if n.Tok == token.DEFINE {
		return
	}
	if !f.posts[n] {
		f.replace("remove assignment", n.Pos(), n.End(), "")
	}
	if b, ok := binaries[n.Tok]; ok && !isString(n.Rhs[0]) {
		f.replace(b.operator, n.TokPos, n.TokPos+token.Pos(len(n.Tok.String())), b.to.String())
	}
}

// returns replaces one result at a time by the zero value of its type, a bool by its
// opposite, and drops a return without values.
func (f *finder) returns(n *ast.ReturnStmt) {
	if len(n.Results) == 0 {
		f.replace("remove return", n.Pos(), n.End(), "")
		return
	}
	types := resultTypes(f.results)
	if len(types) != len(n.Results) {
		return // the results of one call
	}
	for i, r := range n.Results {
		was, zero := f.text(r), "*new("+f.text(types[i])+")"
		operator := "return zero"
		switch id, _ := types[i].(*ast.Ident); {
		case id != nil && id.Name == "bool":
			operator, zero = "return opposite", "!("+was+")"
			if was == "true" || was == "false" {
				zero = strconv.FormatBool(was == "false")
			}
		case id != nil && id.Name == "error":
			operator, zero = "return nil", "nil"
		}
		if slices.Contains([]string{"nil", "0", `""`, "false"}, was) && operator != "return opposite" {
			continue
		}
		f.replace(operator, r.Pos(), r.End(), zero)
	}
}

func resultTypes(results *ast.FieldList) (types []ast.Expr) {
	if results == nil {
		return nil
	}
	for _, r := range results.List {
		for range max(len(r.Names), 1) {
			types = append(types, r.Type)
		}
	}
	return types
}

func (f *finder) text(n ast.Node) string {
	return string(f.src[f.file.Offset(n.Pos()):f.file.Offset(n.End())])
}

// replace notes a mutant.
func (f *finder) replace(operator string, pos, end token.Pos, text string) {
	m := mutant{
		File: f.name, Line: f.file.Line(pos), Function: f.function, Operator: operator,
		pos: f.file.Offset(pos), end: f.file.Offset(end), text: text,
	}
	m.Before = lineAt(f.src, m.pos)
	m.After = lineAt(m.source(f.src), m.pos)
	f.mutants = append(f.mutants, m)
}

// lineAt returns the line of an offset without the space around it.
func lineAt(src []byte, offset int) string {
	start := bytes.LastIndexByte(src[:offset], '\n') + 1
	line, _, _ := bytes.Cut(src[start:], []byte("\n"))
	return strings.TrimSpace(string(line))
}
