package password

import (
	"encoding/gob"
	"errors"
	"io"

	"github.com/alexedwards/argon2id"
)

// task is a password to compare with a PHC string or, where there is none, to hash.
type task struct {
	Password string
	PHC      string
	Params   argon2id.Params // to hash with
}

type outcome struct {
	PHC    string          // of a password that was hashed
	Match  bool            // of one that was compared
	Params argon2id.Params // of what it was compared with
	Fault  string          // why neither could be done
}

func (t task) do() outcome {
	if t.PHC == "" {
		phc, err := argon2id.CreateHash(t.Password, &t.Params)
		return outcome{PHC: phc, Fault: sentence(err)}
	}
	match, params, err := argon2id.CheckHash(t.Password, t.PHC)
	if err != nil {
		return outcome{Fault: sentence(err)}
	}
	return outcome{Match: match, Params: *params}
}

func sentence(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Serve does what it reads until there is no more: the other side of Config.Command.
func Serve(in io.Reader, out io.Writer) error {
	tasks, outcomes := gob.NewDecoder(in), gob.NewEncoder(out)
	for {
		var t task
		switch err := tasks.Decode(&t); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := outcomes.Encode(t.do()); err != nil {
			return err
		}
	}
}
