package people

import "strings"

// ReadCopy parses a copy, for the fuzzer.
func ReadCopy(c Config, file string) ([]User, error) {
	read, err := New(c).readCopy(strings.NewReader(file))
	users := make([]User, len(read.accounts))
	for i, a := range read.accounts {
		users[i] = a.User
	}
	return users, err
}
