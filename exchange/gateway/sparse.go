package gateway

import "bytes"

// sparseYear is the first year of the API whose rows leave out a column without a value, and whose book
// levels have a transactTime. Rows of both forms are public: the test data of nautilus_trader's BitMEX
// adapter hold those of 2024, and the market maker sample of the venue reads those of before.
const sparseYear = 2024

// sparseKey reports whether rows for a key are sparse: by its own year, or by that of the server.
func (g *Gateway) sparseKey(k *Key) bool {
	year := k.APIYear
	if year == 0 {
		year = g.cfg.APIYear
	}
	return year >= sparseYear
}

// sparse returns JSON text of this package without the members whose value is null or the empty string.
// The level of a book also gets a transactTime, which is its timestamp. The text has no white space.
func sparse(text []byte, levels bool) []byte {
	out := make([]byte, 0, len(text)+len(text)/4)
	for n := 0; n < len(text); {
		if text[n] != '"' {
			out = append(out, text[n])
			n++
			continue
		}
		end := stringEnd(text, n)
		key := text[n:end]
		if end == len(text) || text[end] != ':' {
			out = append(out, key...)
			n = end
			continue
		}
		value := text[end+1:]
		switch {
		case bytes.HasPrefix(value, []byte("null")):
			out, n = drop(out, text, end+len(":null"))
		case bytes.HasPrefix(value, []byte(`""`)):
			out, n = drop(out, text, end+len(`:""`))
		case levels && string(key) == `"timestamp"` && value[0] == '"':
			stamp := value[:stringEnd(value, 0)]
			out = append(append(append(out, key...), ':'), stamp...)
			out = append(append(out, `,"transactTime":`...), stamp...) // in the types of a partial too
			n = end + 1 + len(stamp)
		default:
			out = append(append(out, key...), ':')
			n = end + 1
		}
	}
	return out
}

// stringEnd returns the index behind the JSON string that begins at an index.
func stringEnd(text []byte, n int) int {
	for n++; n < len(text); n++ {
		switch text[n] {
		case '\\':
			n++
		case '"':
			return n + 1
		}
	}
	return len(text)
}

// drop leaves out a member that ends at an index, and one of the commas around it.
func drop(out, text []byte, end int) (kept []byte, next int) {
	switch {
	case end < len(text) && text[end] == ',':
		return out, end + 1
	case len(out) > 0 && out[len(out)-1] == ',':
		return out[:len(out)-1], end
	}
	return out, end
}
