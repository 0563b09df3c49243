package push

import (
	"cmp"
	"sync"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/resource"
)

// words is what Doorbell itself says in a language.
type words struct {
	locale                                string
	message, call, open                   string
	missed, answeredElsewhere, declinedTo string
}

// dictionary is the languages Doorbell speaks. The first is for all others.
var dictionary = []words{
	{"en", "New message", "Incoming call", "Open the app to see it", "Missed call", "Answered on another device", "Declined on another device"},
	{"de", "Neue Nachricht", "Eingehender Anruf", "Zum Lesen die App öffnen", "Verpasster Anruf", "Auf einem anderen Gerät angenommen", "Auf einem anderen Gerät abgelehnt"},
	{"es", "Mensaje nuevo", "Llamada entrante", "Abre la aplicación para verlo", "Llamada perdida", "Respondida en otro dispositivo", "Rechazada en otro dispositivo"},
	{"fr", "Nouveau message", "Appel entrant", "Ouvrez l’application pour le voir", "Appel manqué", "Accepté sur un autre appareil", "Refusé sur un autre appareil"},
	{"it", "Nuovo messaggio", "Chiamata in arrivo", "Apri l’app per vederlo", "Chiamata persa", "Accettata su un altro dispositivo", "Rifiutata su un altro dispositivo"},
	{"pt", "Nova mensagem", "Chamada recebida", "Abra o aplicativo para ver", "Chamada perdida", "Atendida em outro dispositivo", "Recusada em outro dispositivo"},
	{"zh-Hans", "新消息", "来电", "打开应用查看", "未接来电", "已在其他设备上接听", "已在其他设备上拒绝"},
}

// spoken is the dictionary's languages. Matching against them is prepared when the
// first push needs it.
var spoken = sync.OnceValue(func() *resource.Languages {
	locales := make([]string, len(dictionary))
	for i, w := range dictionary {
		locales[i] = w.locale
	}
	return resource.NewLanguages(locales...)
})

// wordsFor is the index in dictionary of the language for a device of a locale.
func wordsFor(locale string) int {
	if locale == "" {
		return 0
	}
	return spoken().Match(locale)
}

// ended is what is said of an invitation that ended so.
func (w words) ended(e CallEnd) string {
	switch e {
	case Answered:
		return w.answeredElsewhere
	case Declined:
		return w.declinedTo
	}
	return w.missed
}

// what is what a announces, to who isn't told more.
func (w words) what(a Announcement) string {
	switch a.Kind {
	case KindCall:
		return w.call
	case KindCallEnd:
		return w.ended(a.CallEnd)
	}
	return cmp.Or(a.Bundle, w.message)
}

// speaks reports whether Doorbell's own words are in what a device with the
// privacy is told of a. A summary says how many there are and not what, to anyone.
func (a Announcement) speaks(p device.Privacy) bool {
	veiled := p != "" && p != device.PrivacyFull
	return !a.Push.Silent && a.Kind != KindSummary && (veiled || a.ownWords())
}

// ownWords reports whether a's content is Doorbell's: the end of a call that
// nobody gave words to.
func (a Announcement) ownWords() bool {
	return a.Kind == KindCallEnd && a.Push.Content == dictionary[0].ended(cmp.Or(a.CallEnd, Missed))
}
