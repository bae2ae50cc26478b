// Package awssecret reads secrets from AWS Secrets Manager, with the official SDK and
// whatever credentials the machine has: a role, a profile, the environment.
//
// It is apart from package secret so that only programs that want it carry the SDK.
package awssecret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/dunamis-engine/dunamis/secret"
)

// FromEnv does what secret.FromEnv does and, if neither variable is set, reads the secret
// that the variable with _AWS after its name gives: a name or an ARN, and after a # the
// field of a secret that is a JSON object.
func FromEnv(ctx context.Context, name string) (secret.String, error) {
	s, err := secret.FromEnv(name)
	if id := os.Getenv(name + "_AWS"); id != "" && errors.Is(err, secret.ErrMissing) {
		return Read(ctx, id)
	}
	if errors.Is(err, secret.ErrMissing) {
		return s, fmt.Errorf("%w, or %s_AWS to the name of a secret of AWS Secrets Manager", err, name)
	}
	return s, err
}

// Read reads a secret by its name or ARN, "prod/bitmex#secret" being the field of one
// that is a JSON object. Errors name it, and never what it holds.
func Read(ctx context.Context, id string) (secret.String, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return secret.String{}, fmt.Errorf("secret %s: %w", id, err)
	}
	name, field, hasField := strings.Cut(id, "#")
	out, err := secretsmanager.NewFromConfig(cfg).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		return secret.String{}, fmt.Errorf("secret %s: %w", id, err)
	}
	if out.SecretString == nil {
		return secret.String{}, fmt.Errorf("secret %s: %w as text", id, secret.ErrMissing)
	}
	text := *out.SecretString
	if hasField {
		fields := map[string]string{}
		if json.Unmarshal([]byte(text), &fields) != nil {
			return secret.String{}, fmt.Errorf("secret %s: want a JSON object of texts", id)
		}
		text = fields[field]
	}
	if text = strings.TrimSpace(text); text == "" {
		return secret.String{}, fmt.Errorf("secret %s %w", id, secret.ErrMissing)
	}
	return secret.New(text), nil
}
