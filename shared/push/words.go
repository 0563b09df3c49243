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
	held, unread, several                 resource.Phrase // of a summary's messages, and how many of it and of a bundle
}

// counted is a phrase of a language that has one form for one thing and another
// for more. CLDR has such languages "many", too, of a million and more.
func counted(one, other string) resource.Phrase {
	return resource.Phrase{resource.One: one, resource.Other: other}
}

// always is a phrase that is the same for every number.
func always(text string) resource.Phrase { return resource.Phrase{resource.Other: text} }

// dictionary is the languages Doorbell speaks. The first is for all others.
var dictionary = []words{
	{
		"en", "New message", "Incoming call", "Open the app to see it", "Missed call", "Answered on another device", "Declined on another device",
		counted("It came in your quiet hours", "They came in your quiet hours"), counted("{count} unread message", "{count} unread messages"), counted("{count} new message", "{count} new messages"),
	},
	{
		"de", "Neue Nachricht", "Eingehender Anruf", "Zum Lesen die App öffnen", "Verpasster Anruf", "Auf einem anderen Gerät angenommen", "Auf einem anderen Gerät abgelehnt",
		always("Während deiner Ruhezeiten eingegangen"), counted("{count} ungelesene Nachricht", "{count} ungelesene Nachrichten"), counted("{count} neue Nachricht", "{count} neue Nachrichten"),
	},
	{
		"es", "Mensaje nuevo", "Llamada entrante", "Abre la aplicación para verlo", "Llamada perdida", "Respondida en otro dispositivo", "Rechazada en otro dispositivo",
		always("Durante tus horas de silencio"), counted("{count} mensaje sin leer", "{count} mensajes sin leer"), counted("{count} mensaje nuevo", "{count} mensajes nuevos"),
	},
	{
		"fr", "Nouveau message", "Appel entrant", "Ouvrez l’application pour le voir", "Appel manqué", "Accepté sur un autre appareil", "Refusé sur un autre appareil",
		always("Pendant vos heures calmes"), counted("{count} message non lu", "{count} messages non lus"), counted("{count} nouveau message", "{count} nouveaux messages"),
	},
	{
		"it", "Nuovo messaggio", "Chiamata in arrivo", "Apri l’app per vederlo", "Chiamata persa", "Accettata su un altro dispositivo", "Rifiutata su un altro dispositivo",
		always("Durante le tue ore di silenzio"), counted("{count} messaggio non letto", "{count} messaggi non letti"), counted("{count} nuovo messaggio", "{count} nuovi messaggi"),
	},
	{
		"pt", "Nova mensagem", "Chamada recebida", "Abra o aplicativo para ver", "Chamada perdida", "Atendida em outro dispositivo", "Recusada em outro dispositivo",
		always("Durante o seu horário de silêncio"), counted("{count} mensagem não lida", "{count} mensagens não lidas"), counted("{count} nova mensagem", "{count} novas mensagens"),
	},
	{
		"zh-Hans", "新消息", "来电", "打开应用查看", "未接来电", "已在其他设备上接听", "已在其他设备上拒绝",
		always("在您的免打扰时段收到"), always("{count} 条未读消息"), always("{count} 条新消息"),
	},
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

// counting is words by a number, of which there may be more than that.
func (w words) counting(p resource.Phrase, n int, more bool) string {
	return p.In(w.locale, resource.Values{Count: n, More: more})
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
// privacy is told of a.
func (a Announcement) speaks(p device.Privacy) bool {
	veiled := p != "" && p != device.PrivacyFull
	switch {
	case a.Push.Silent:
		return false
	case a.Kind == KindSummary:
		return a.Count > 0
	}
	return veiled || a.Count > 0 || a.ownWords()
}

// ownWords reports whether a's content is Doorbell's: the end of a call that
// nobody gave words to.
func (a Announcement) ownWords() bool {
	return a.Kind == KindCallEnd && a.Push.Content == dictionary[0].ended(cmp.Or(a.CallEnd, Missed))
}
