package sim

import "math"

// The functions of package math are written in assembly for some processors and
// may differ in the last bit. A queue place must not, so these are not: each
// product is rounded by an explicit conversion before it is added to anything.

// ln returns the natural logarithm of x > 0.
func ln(x float64) float64 {
	m, e := math.Frexp(x) // 0.5 <= m < 1
	if m < math.Sqrt2/2 {
		m *= 2
		e--
	}
	// ln m = 2·artanh(z), |z| < 0.172: the 13th odd power is below the last bit.
	z := (m - 1) / (m + 1)
	z2 := float64(z * z)
	sum := 0.0
	for n := 25; n >= 1; n -= 2 {
		sum = 1/float64(n) + float64(z2*sum)
	}
	return float64(float64(e)*math.Ln2) + float64(2*z*sum)
}

// exp returns e to the power x.
func exp(x float64) float64 {
	switch {
	case x > 700:
		return math.Inf(1)
	case x < -700:
		return 0
	}
	n := math.Floor(float64(x/math.Ln2) + 0.5)
	r := x - float64(n*math.Ln2) // |r| <= 0.35
	sum := 1.0
	for i := 18; i >= 1; i-- {
		sum = 1 + float64(float64(r/float64(i))*sum)
	}
	return math.Ldexp(sum, int(n))
}

// pow returns x to the power k for x >= 0.
func pow(x, k float64) float64 {
	if x == 0 {
		return 0
	}
	if n := int(k); float64(n) == k && n <= 16 {
		p := 1.0
		for range n {
			p = float64(p * x)
		}
		return p
	}
	return exp(float64(k * ln(x)))
}
