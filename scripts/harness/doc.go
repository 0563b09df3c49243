// Package harness holds what the integration tests and the local system put between the parts and beside them: a Gate before the
// event functions, an RPCCounter before an emulator, a JSON Client and Poll. Nothing that is deployed imports it.
package harness
