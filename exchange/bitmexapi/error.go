package bitmexapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Error is an answer other than success. What it means is asked with errors.Is and one
// of this package's errors.
type Error struct {
	Status  int    // of HTTP
	Name    string // HTTPError, ValidationError, RateLimitError
	Message string // the venue's text
	// RetryAfter is how long the venue asks to wait; 0: it does not say.
	RetryAfter time.Duration
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%d %s: %s", e.Status, e.Name, e.Message) }

// What a refusal means, by its status and the venue's text.
var (
	ErrUnauthorized = errors.New("the key or its signature is refused")   // 401
	ErrExpired      = errors.New("the signature has expired")             // 401: clocks differ
	ErrForbidden    = errors.New("the key may not do this")               // 403
	ErrNotFound     = errors.New("there is no such thing")                // 404
	ErrRateLimited  = errors.New("too many requests")                     // 429
	ErrUnavailable  = errors.New("the venue did not do its work")         // 5xx: the outcome is not known
	ErrOverloaded   = errors.New("the venue sheds load")                  // 503: the request did not reach the engine
	ErrInvalid      = errors.New("the request is not valid")              // 400, and not the account's state
	ErrDuplicateID  = errors.New("the clOrdID is of an open order")       // look it up
	ErrOrderState   = errors.New("the order has ended")                   // filled, canceled or rejected
	ErrUnknownOrder = errors.New("there is no such order")                //
	ErrInsufficient = errors.New("the balance is too small")              //
	ErrRisk         = errors.New("the account's risk does not permit it") // risk limits, margin calls, liquidation
	ErrReduceOnly   = errors.New("there is no position to reduce")        //
	ErrMarket       = errors.New("the market does not take orders")       // closed, expired, not listed yet
)

// meaning is how a text is known.
type meaning struct {
	of       error
	prefixes []string
}

// meanings are the texts of the venue's published list, and of those that clients saw.
var meanings = []meaning{
	{ErrDuplicateID, []string{"Duplicate clOrdID", "Duplicate orderID"}},
	{ErrOrderState, []string{"Invalid ordStatus", "Unable to cancel order due to existing state"}},
	{ErrUnknownOrder, []string{"Invalid orderID", "Invalid origClOrdID", "Not Found"}},
	{ErrInsufficient, []string{"Account has insufficient Available Balance", "Account has no [", "Position has insufficient isolated margin"}},
	{ErrRisk, []string{"Value of positions and orders exceeds", "Value of position and orders exceeds", "Position is in liquidation",
		"Order price is below the liquidation price", "Order price is above the liquidation price", "Executing at order price would",
		"Account is in margin call", "Price greater than limitUpPrice", "Price less than limitDownPrice", "Cannot exceed the maximum"}},
	{ErrReduceOnly, []string{"Order had execInst of"}},
	{ErrMarket, []string{"Instrument not listed for trading yet", "Instrument expired", "Instrument has no mark price", "Market is not open",
		"Underlying leg market is not open", "Underlying leg instrument has no mark price"}},
}

// Is implements what errors.Is asks.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized
	case ErrExpired:
		return e.Status == http.StatusUnauthorized && strings.Contains(strings.ToLower(e.Message), "expired")
	case ErrForbidden:
		return e.Status == http.StatusForbidden
	case ErrNotFound:
		return e.Status == http.StatusNotFound
	case ErrRateLimited:
		return e.Status == http.StatusTooManyRequests
	case ErrUnavailable:
		return e.Status >= http.StatusInternalServerError
	case ErrOverloaded:
		return e.Status == http.StatusServiceUnavailable && strings.Contains(e.Message, "overloaded")
	case ErrInvalid:
		return e.Status == http.StatusBadRequest && e.meaning() == nil
	}
	return target == e.meaning()
}

// meaning is what the text says of the account or its orders; nil: nothing.
func (e *Error) meaning() error {
	if e.Status >= http.StatusInternalServerError || e.Status == http.StatusTooManyRequests {
		return nil
	}
	for _, m := range meanings {
		for _, p := range m.prefixes {
			if strings.HasPrefix(e.Message, p) {
				return m.of
			}
		}
	}
	return nil
}

// Refusal is the error of an order that was accepted by the API and rejected by the
// engine: the venue answers 200, and says why in ordRejReason. nil: it was not.
func (r *Order) Refusal() error {
	if r.OrdStatus != "Rejected" {
		return nil
	}
	return &Error{Status: http.StatusOK, Name: "HTTPError", Message: r.OrdRejReason}
}

// ErrorBody is the body of an [Error].
type ErrorBody struct {
	Error ErrorText `json:"error"`
}

// ErrorText is what an error says.
type ErrorText struct {
	Message string `json:"message"`
	Name    string `json:"name"`
}
