/*
 * The one place that knows what a secret looks like in a line of text. Every log line and every error
 * message passes through it, whoever wrote the words: Google, libcurl, a proxy.
 *
 * Known   the values of Authorization and cookie headers and of Google's key and channel headers; of
 *         access_token, refresh_token, id_token, client_secret, code, authorization_code,
 *         code_verifier, assertion, token, password, passphrase and private_key (accessToken, too) in
 *         a form, a query or JSON, also when it was percent-encoded or escaped, several times over;
 *         what follows Bearer or Basic; user:password in an address; and by their own shape Google's
 *         tokens, codes and client secrets, JWTs, PEM private keys and single lines of them, and a
 *         key of 64 hex digits.
 * Kept    everything around them: each value becomes "***" (a shorter one as many stars as it has
 *         bytes). What is no credential by its looks stays as well: a name such as 'Basic 101', a
 *         folder 4/0, a date, an exit code=7, a dress code=casual.
 * Doubt   secrets first: "wrong password: try again" loses a word, token='abc' is blanked though no
 *         token is that short, and so is an event's id or a digest of 64 hex digits. The last line of
 *         a PEM block by itself, and base64 of anything, look like other words, and stay.
 * Time    linear in the length, whatever is in it.
 */
#ifndef BASE_REDACT_H
#define BASE_REDACT_H

/* In place: the text never grows. */
void redact(char *text);

#endif
