// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"log/slog"
	"reflect"
	"strings"

	"sesame/internal/edge/api/caller"
	"sesame/internal/proto/awswire"
)

// audited are the members of an input that tell what a call was about. None of them is
// a secret.
var audited = [...]string{"UserName", "RoleName", "PolicyArn", "PolicyName", "AccessKeyId", "VersionId", "RoleArn", "RoleSessionName", "Status", "NewUserName"}

// audit logs a call that changed who may do what, or was refused to: one line that says
// who did what to whom.
func audit(ctx context.Context, log *slog.Logger, op *awswire.Operation, in any, err error) {
	for _, reads := range []string{"Get", "List", "Simulate"} {
		if strings.HasPrefix(op.Name, reads) && op.Name != "GetSessionToken" {
			return
		}
	}
	who := caller.From(ctx)
	args := []any{"service", op.Service, "operation", op.Name, "by", who.Principal.ARN(), "key", who.Principal.KeyID, "ip", who.SourceIP}
	v := reflect.ValueOf(in).Elem()
	for _, name := range audited {
		f := reflect.Indirect(v.FieldByName(name))
		if f.IsValid() && f.Kind() == reflect.String && f.String() != "" {
			args = append(args, name, f.String())
		}
	}
	if err != nil {
		log.Warn("audit", append(args, "refused", err)...)
		return
	}
	log.Info("audit", args...)
}
