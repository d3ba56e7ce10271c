// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"sesame/internal/edge/api/admin"
	"sesame/internal/edge/api/caller"
	"sesame/internal/proto/awswire"
)

// about are the members of an input that tell what a call was about. None of them is
// a secret.
var about = [...]string{
	"UserName", "RoleName", "PolicyArn", "PolicyName", "AccessKeyId", "VersionId", "RoleArn", "RoleSessionName", "Status", "NewUserName",
	"Identity", "EmailIdentity",
}

// audited reports whether an operation changes who may do what: those of IAM and STS that
// do not only read, and those on the policies of identities.
func audited(op *awswire.Operation) bool {
	if op.Service == "ses" || op.Service == "sesv2" {
		switch op.Name {
		case "PutIdentityPolicy", "DeleteIdentityPolicy", "CreateEmailIdentityPolicy", "UpdateEmailIdentityPolicy", "DeleteEmailIdentityPolicy":
			return true
		}
		return false
	}
	for _, reads := range []string{"Get", "List", "Simulate"} {
		if strings.HasPrefix(op.Name, reads) && op.Name != "GetSessionToken" {
			return false
		}
	}
	return true
}

// audit logs a call of an audited operation, done or refused.
func audit(ctx context.Context, log *slog.Logger, op *awswire.Operation, in any, err error) {
	if !audited(op) {
		return
	}
	var args []any
	v := reflect.ValueOf(in).Elem()
	for _, name := range about {
		f := reflect.Indirect(v.FieldByName(name))
		if f.IsValid() && f.Kind() == reflect.String && f.String() != "" {
			args = append(args, name, f.String())
		}
	}
	auditLine(ctx, log.With("service", op.Service, "operation", op.Name), args, err)
}

// auditAdmin logs a request of the admin API that changes something, done or refused,
// with the variables of its path.
func auditAdmin(ctx context.Context, log *slog.Logger, route *admin.Route, vars map[string]string, err error) {
	if route.Method == http.MethodGet {
		return
	}
	var args []any
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		args = append(args, name, vars[name])
	}
	service, operation, _ := strings.Cut(route.Action, ":")
	auditLine(ctx, log.With("service", service, "operation", operation), args, err)
}

// auditLine says in one line who did what to whom, or was refused to. log has the what.
func auditLine(ctx context.Context, log *slog.Logger, about []any, err error) {
	who := caller.From(ctx)
	args := append([]any{"by", who.Principal.ARN(), "key", who.Principal.KeyID, "ip", who.SourceIP}, about...)
	if err != nil {
		log.Warn("audit", append(args, "refused", err)...)
		return
	}
	log.Info("audit", args...)
}
