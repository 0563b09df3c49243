
// From here on it is yours: rewrite these as you need them.

// Called for each push that arrives and shows something; message.extra.payload
// is the sender's payload.
self.onNotificationArrived = function onNotificationArrived(message) {
};

// Called for a click on a notification, before your page is opened or brought to
// the front. Return false to do that yourself.
self.onNotificationClicked = function onNotificationClicked(message) {
};

// What a call's notification says that arrives when the call is over.
self.missedCallText = "Missed call";
