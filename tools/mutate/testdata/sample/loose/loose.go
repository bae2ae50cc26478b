// Package loose has tests that miss something, and a loop that a mutant makes endless.
package loose

import "errors"

// Days counts down from n.
func Days(n int) (int, error) {
	if n < 0 {
		return 0, errors.New("negative")
	}
	days := 0
	for n != 0 {
		n--
		days++
	}
	return days, nil
}
