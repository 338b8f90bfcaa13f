package config

import (
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
)

var units = []struct {
	suffix string
	factor int64
}{
	{"kib", 1 << 10},
	{"mib", 1 << 20},
	{"gib", 1 << 30},
	{"tib", 1 << 40},
	{"kb", 1e3},
	{"mb", 1e6},
	{"gb", 1e9},
	{"tb", 1e12},
	{"k", 1 << 10},
	{"m", 1 << 20},
	{"g", 1 << 30},
	{"t", 1 << 40},
	{"b", 1},
	{"", 1},
}

// ParseBytes reads an amount such as 10GiB. Fractions and signs are refused.
func ParseBytes(s string) (Bytes, error) {
	text := strings.ToLower(strings.TrimSpace(s))
	for _, u := range units {
		digits, ok := strings.CutSuffix(text, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 63)
		if err != nil || n > math.MaxInt64/uint64(u.factor) {
			break
		}
		return Bytes(int64(n) * u.factor), nil
	}
	return 0, fmt.Errorf("%q is not an amount such as 256MiB or 10GiB", s)
}

// String writes the amount in its largest exact binary unit.
func (b Bytes) String() string {
	for _, u := range []string{"TiB", "GiB", "MiB", "KiB"} {
		factor := Bytes(1) << map[string]int{"TiB": 40, "GiB": 30, "MiB": 20, "KiB": 10}[u]
		if b != 0 && b%factor == 0 {
			return fmt.Sprintf("%d%s", b/factor, u)
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

func parsePrefix(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is not a network such as 10.0.0.0/8", s)
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// set parses text into a field. Lists are comma-separated.
func set(field reflect.Value, text string) error {
	switch v := field.Addr().Interface().(type) {
	case *string:
		*v = text
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		*v = b
	case *int, *int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		field.SetInt(n)
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a span of time such as 300s or 8h", text)
		}
		*v = d
	case *Bytes:
		return setParsed(v, text, ParseBytes)
	case *[]string:
		*v = list(text)
	case *[]netip.Prefix:
		return setPrefixes(v, list(text))
	default:
		panic(fmt.Sprintf("config: no parser for %s", field.Type()))
	}
	return nil
}

func setParsed[T any](to *T, text string, parse func(string) (T, error)) error {
	v, err := parse(text)
	if err == nil {
		*to = v
	}
	return err
}

func setPrefixes(to *[]netip.Prefix, items []string) error {
	all := make([]netip.Prefix, 0, len(items))
	for _, item := range items {
		p, err := parsePrefix(item)
		if err != nil {
			return err
		}
		all = append(all, p)
	}
	*to = all
	return nil
}

func list(text string) []string {
	var out []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// show writes a field the way set reads it.
func show(field reflect.Value) string {
	switch v := field.Interface().(type) {
	case []string:
		return strings.Join(v, ",")
	case []netip.Prefix:
		parts := make([]string, len(v))
		for i, p := range v {
			parts[i] = p.String()
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprint(field.Interface())
}
