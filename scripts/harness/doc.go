// Package harness holds what the integration tests share: a Gate between the emulators and the functions server, an
// RPCCounter in front of an emulator, a JSON Client and Poll. Nothing that is deployed imports it.
package harness
