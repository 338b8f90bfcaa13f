package catalogue

import (
	"strconv"
	"time"
)

// When is an instant in words, to the minute. Instants are UTC everywhere and say so here.
func (w *Words) When(t time.Time) string { return w.date("date.when", "date.month.", t) }

// Brief is the same for tables, whose heads say that it is UTC.
func (w *Words) Brief(t time.Time) string { return w.date("date.brief", "date.short.", t) }

func (w *Words) date(key, months string, t time.Time) string {
	t = t.UTC()
	month := w.Text(months + strconv.Itoa(int(t.Month())))
	return w.Text(key, t.Day(), month, t.Year(), t.Format("15:04"))
}
