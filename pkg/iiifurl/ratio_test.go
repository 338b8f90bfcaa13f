package iiifurl

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// The integer arithmetic agrees with arbitrary precision over the whole range.
func TestMulDivIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Uint64().Draw(t, "a"), rapid.Uint64().Draw(t, "b")
		c := rapid.Uint64Min(1).Draw(t, "c")
		n := new(big.Int).Mul(new(big.Int).SetUint64(a), new(big.Int).SetUint64(b))
		n.Add(n, new(big.Int).SetUint64(c/2)).Div(n, new(big.Int).SetUint64(c))
		want := math.MaxInt
		if n.IsInt64() {
			want = int(n.Int64())
		}
		if got := mulDiv(a, b, c); got != want {
			t.Fatalf("%d*%d/%d = %d, want %d", a, b, c, got, want)
		}
	})
}

func TestSquareRootIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64().Draw(t, "n")
		want := new(big.Int).Sqrt(new(big.Int).SetUint64(n))
		if got := squareRoot(n); uint64(got) != want.Uint64() {
			t.Fatalf("root of %d = %d, want %d", n, got, want)
		}
	})
}

func TestPercentOfIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := decimal(rapid.Uint64Max(uint64(decimalHundred)).Draw(t, "percent"))
		n := rapid.IntRange(1, math.MaxInt).Draw(t, "n")
		// floor(n*d/1e12 + 1/2), as (2*n*d + 1e12) / 2e12
		want := new(big.Int).Mul(big.NewInt(int64(n)), big.NewInt(int64(d)))
		want.Lsh(want, 1).Add(want, big.NewInt(1e12)).Div(want, big.NewInt(2e12))
		if got := d.percentOf(n); int64(got) != want.Int64() {
			t.Fatalf("%d of %d = %d, want %d", d, n, got, want)
		}
	})
}
