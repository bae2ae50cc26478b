package gateway

import (
	"slices"
	"time"

	"github.com/dunamis-engine/dunamis/secret"
)

// Permissions of keys, as the venue names them. A key without any can read.
const (
	PermitOrder       = "order"       // trade, and change positions' settings
	PermitOrderCancel = "orderCancel" // cancel only
)

// Key is an API key.
type Key struct {
	ID          string
	Secret      secret.String
	Name        string
	Account     int64
	Balance     string // what the account starts with: "10 XBT"
	Permissions []string
	Disabled    bool
	Created     time.Time
	// APIYear is the year of the API that its programs were written for, which decides the form of rows:
	// see [Config.APIYear]. 0: that of the server.
	APIYear int
}

// may reports whether the key has a permission, of which order includes orderCancel.
func (k *Key) may(permission string) bool {
	return slices.Contains(k.Permissions, permission) ||
		permission == PermitOrderCancel && slices.Contains(k.Permissions, PermitOrder)
}

// Keys finds API keys.
type Keys interface {
	// Lookup returns the key with an id, with its secret; false if there is none.
	Lookup(id string) (Key, bool)
	// Account returns the keys of an account, without secrets.
	Account(account int64) []Key
}
