package functions

import (
	"testing"

	"github.com/doorbell-push/doorbell/shared/revision"
)

func FuzzParseMessageRevoke(f *testing.F) { fuzzParse[revision.RevokeRequest](f, revokeBody) }
func FuzzParseMessageEdit(f *testing.F)   { fuzzParse[revision.EditRequest](f, editBody) }
