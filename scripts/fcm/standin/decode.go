package standin

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxViolations bounds how many mistakes one answer lists.
const maxViolations = 50

// decodeSend reads a send request as FCM's front end does: protobuf JSON, so
// names in snake_case or lowerCamelCase, null means unset, the last of a
// repeated name wins (FCM REST reference, projects.messages.send), and a name
// that is not in the schema is refused. raw is the message as it was sent.
func decodeSend(body []byte) (req *SendRequest, raw []byte, apiErr *apiError) {
	root, err := parseTree(body)
	if err != nil {
		return nil, nil, badPayload(violation{Description: "Invalid JSON payload received. " + err.Error()})
	}
	req = &SendRequest{}
	d := decoder{}
	if !root.isObject() {
		d.fail("", `Invalid JSON payload received. Unknown name "": Root element must be a message.`)
	} else {
		d.message(reflect.ValueOf(req).Elem(), root, "")
	}
	if len(d.violations) > 0 {
		return nil, nil, badPayload(d.violations...)
	}
	for _, m := range root.members {
		if m.name == "message" {
			raw = m.value.raw
		}
	}
	return req, raw, nil
}

// decoder binds a JSON tree to the typed structs and collects every mistake,
// because FCM reports all unknown names at once.
type decoder struct{ violations []violation }

func (d *decoder) fail(field, text string) {
	if len(d.violations) < maxViolations {
		d.violations = append(d.violations, violation{Field: field, Description: text})
	}
}

// unknown reports a name that cannot be bound inside the message at path.
func (d *decoder) unknown(path, name, why string) {
	at := ""
	if path != "" {
		at = fmt.Sprintf(" at '%s'", path)
	}
	d.fail(path, fmt.Sprintf("Invalid JSON payload received. Unknown name %q%s: %s", name, at, why))
}

// invalid reports a value of the wrong type.
func (d *decoder) invalid(path, typ, detail string) {
	d.fail(path, fmt.Sprintf("Invalid value at '%s' (%s), %s", path, typ, detail))
}

func (d *decoder) message(dst reflect.Value, n *node, path string) {
	fields := fieldsOf(dst.Type())
	taken := ""
	for _, m := range n.members {
		f, ok := fields[m.name]
		if !ok {
			d.unknown(path, m.name, "Cannot find field.")
			continue
		}
		v := dst.Field(f.index)
		if m.value.isNull() {
			v.SetZero()
			continue
		}
		if f.oneof != "" {
			if taken != "" && taken != f.name {
				d.invalid(path, "oneof", fmt.Sprintf("oneof field '%s' is already set. Cannot set '%s'", f.oneof, m.name))
				continue
			}
			taken = f.name
		}
		d.value(v, m.value, slot{parent: path, name: m.name, path: join(path, f.name)})
	}
}

// slot says where a value stands.
type slot struct{ parent, name, path string }

func (d *decoder) value(dst reflect.Value, n *node, at slot) {
	t := dst.Type()
	if t == reflect.TypeFor[Object]() {
		if !n.isObject() {
			d.mismatch(n, at, typeURL("google.protobuf.Struct"))
			return
		}
		dst.Set(reflect.ValueOf(Object(n.plain().(map[string]any))))
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		p := reflect.New(t.Elem())
		dst.Set(p)
		d.value(p.Elem(), n, at)
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			d.timestamp(dst, n, at)
			return
		}
		if !n.isObject() {
			d.mismatch(n, at, protoName(t))
			return
		}
		d.message(dst, n, at.path)
	case reflect.Map:
		d.stringMap(dst, n, at)
	case reflect.Slice:
		if !n.isArray() {
			d.invalid(at.path, "repeated", n.text())
			return
		}
		s := reflect.MakeSlice(t, len(n.items), len(n.items))
		for i, it := range n.items {
			d.value(s.Index(i), it, slot{at.path, at.name, fmt.Sprintf("%s[%d]", at.path, i)})
		}
		dst.Set(s)
	default:
		d.scalar(dst, n, at)
	}
}

// mismatch reports a value that is no message where one is wanted.
func (d *decoder) mismatch(n *node, at slot, typ string) {
	if n.isArray() {
		d.unknown(at.parent, at.name, "Proto field is not repeating, cannot start list.")
		return
	}
	d.invalid(at.path, typ, n.text())
}

// stringMap reads map<string, string>. A map is a list of entries in protobuf,
// hence the position in the path.
func (d *decoder) stringMap(dst reflect.Value, n *node, at slot) {
	if !n.isObject() {
		d.mismatch(n, at, "Map")
		return
	}
	m := make(map[string]string, len(n.members))
	for i, f := range n.members {
		s, ok := f.value.token.(string)
		if !ok {
			d.invalid(fmt.Sprintf("%s[%d].value", at.path, i), "TYPE_STRING", f.value.text())
			continue
		}
		m[f.name] = s
	}
	dst.Set(reflect.ValueOf(m))
}

func (d *decoder) scalar(dst reflect.Value, n *node, at slot) {
	if n.isArray() {
		d.unknown(at.parent, at.name, "Proto field is not repeating, cannot start list.")
		return
	}
	s, isString := n.token.(string)
	num, isNumber := n.token.(json.Number)
	switch {
	case dst.Type() == reflect.TypeFor[Duration]():
		v, err := parseDuration(s, isString)
		if err != nil {
			d.invalid(at.path, typeURL("google.protobuf.Duration"), fmt.Sprintf("Field '%s', %v", at.name, err))
			return
		}
		dst.SetInt(int64(v))
	case dst.Kind() == reflect.String && isEnum(dst):
		name, values := dst.Interface().(enum).protoEnum()
		v, ok := enumValue(values, s, num, isNumber)
		if !ok {
			d.invalid(at.path, typeURL("google.firebase.fcm.v1."+name), n.text())
			return
		}
		dst.SetString(v)
	case dst.Kind() == reflect.String:
		if !isString {
			d.invalid(at.path, "TYPE_STRING", n.text())
			return
		}
		dst.SetString(s)
	case dst.Kind() == reflect.Bool:
		b, ok := n.token.(bool)
		if !ok {
			d.invalid(at.path, "TYPE_BOOL", n.text())
			return
		}
		dst.SetBool(b)
	case dst.Kind() == reflect.Int32:
		// protobuf JSON takes whole numbers, also in quotes.
		f, err := strconv.ParseFloat(s+num.String(), 64)
		if err != nil || f != math.Trunc(f) || f < math.MinInt32 || f > math.MaxInt32 {
			d.invalid(at.path, "TYPE_INT32", n.text())
			return
		}
		dst.SetInt(int64(f))
	default: // float64
		f, err := strconv.ParseFloat(s+num.String(), 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			d.invalid(at.path, "TYPE_FLOAT", n.text())
			return
		}
		dst.SetFloat(f)
	}
}

func (d *decoder) timestamp(dst reflect.Value, n *node, at slot) {
	s, _ := n.token.(string)
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		d.invalid(at.path, typeURL("google.protobuf.Timestamp"), fmt.Sprintf("Field '%s', Invalid time format", at.name))
		return
	}
	dst.Set(reflect.ValueOf(t))
}

func isEnum(v reflect.Value) bool {
	_, ok := v.Interface().(enum)
	return ok
}

// enumValue finds an enum value by name, in any case of letters (the Admin SDK
// sends "high"), or by number.
func enumValue(values []string, s string, num json.Number, isNumber bool) (string, bool) {
	if isNumber {
		i, err := strconv.Atoi(num.String())
		if err != nil || i < 0 || i >= len(values) {
			return "", false
		}
		return values[i], true
	}
	for _, v := range values {
		if strings.EqualFold(v, s) {
			return v, true
		}
	}
	return "", false
}

// field is a struct field reachable by a JSON name.
type field struct {
	index int
	name  string // in snake_case, as error paths have it
	oneof string
}

var fieldCache sync.Map // reflect.Type → map[string]field

func fieldsOf(t reflect.Type) map[string]field {
	if m, ok := fieldCache.Load(t); ok {
		return m.(map[string]field)
	}
	m := make(map[string]field)
	for i := range t.NumField() {
		f := field{index: i, name: t.Field(i).Tag.Get("json"), oneof: t.Field(i).Tag.Get("oneof")}
		m[f.name], m[camel(f.name)] = f, f
	}
	fieldCache.Store(t, m)
	return m
}

func camel(snake string) string {
	parts := strings.Split(snake, "_")
	for i := 1; i < len(parts); i++ {
		parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
	}
	return strings.Join(parts, "")
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func typeURL(name string) string { return "type.googleapis.com/" + name }

func protoName(t reflect.Type) string {
	if t == reflect.TypeFor[Color]() {
		return typeURL("google.type.Color")
	}
	return typeURL("google.firebase.fcm.v1." + t.Name())
}
