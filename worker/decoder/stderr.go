package decoder

import (
	"bufio"
	"io"
	"log/slog"
)

// Bounds on what one child can write into the log.
const (
	logLineBytes = 1 << 10
	logLineCount = 100
)

// logLines logs what a child complains of, until it ends.
func logLines(r io.Reader, log *slog.Logger) {
	lines := bufio.NewReaderSize(r, logLineBytes)
	continued := false
	for logged := 0; logged < logLineCount; {
		line, more, err := lines.ReadLine()
		if err != nil {
			return
		}
		if !continued && len(line) > 0 {
			log.Warn("decoder process", "line", string(line))
			logged++
		}
		continued = more
	}
	log.Warn("decoder process wrote more lines than are logged", "logged", logLineCount)
	_, _ = io.Copy(io.Discard, lines) // a full pipe would block it
}
