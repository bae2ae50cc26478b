package engine

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// HandlerError means that a strategy has an exported method whose name begins with On
// and which the engine would never call: a misspelt handler, or one with other arguments.
type HandlerError struct {
	Method string // such as OnBars
	Have   string // its arguments, if the name is a handler's
	Want   string // the arguments of the handler of that name; empty: there is none
	Known  []string
}

// Error implements error.
func (e *HandlerError) Error() string {
	if e.Want != "" {
		return fmt.Sprintf("handler %s has the form %s and is never called; want %s", e.Method, e.Have, e.Want)
	}
	return fmt.Sprintf("method %s is no handler and is never called; handlers are %s (do not begin the names of other "+
		"methods with On)",
		e.Method, strings.Join(e.Known, ", "))
}

// handlerTypes are the interfaces that a strategy can implement beside Strategy.
func handlerTypes() []reflect.Type {
	t := reflect.TypeFor[handlers]()
	list := make([]reflect.Type, t.NumField())
	for i := range list {
		list[i] = t.Field(i).Type
	}
	return list
}

// checkHandlers fails with a [*HandlerError] for a method that looks like a handler and
// is none.
func checkHandlers(s Strategy) error {
	known := map[string]reflect.Type{}
	for _, of := range handlerTypes() {
		m := of.Method(0)
		known[m.Name] = m.Type
	}
	t := reflect.TypeOf(s)
	for i := range t.NumMethod() {
		m := t.Method(i)
		if !looksLikeHandler(m.Name) {
			continue
		}
		want, is := known[m.Name]
		if !is {
			return &HandlerError{Method: m.Name, Known: slices.Sorted(maps.Keys(known))}
		}
		if have := reflect.ValueOf(s).Method(i).Type(); have != want {
			return &HandlerError{Method: m.Name, Have: have.String(), Want: want.String()}
		}
	}
	return nil
}

// looksLikeHandler reports whether a name is "On" followed by an upper-case letter, such as
// OnTick. Once and Only are not.
func looksLikeHandler(name string) bool {
	rest, is := strings.CutPrefix(name, "On")
	first, _ := utf8.DecodeRuneInString(rest)
	return is && unicode.IsUpper(first)
}
