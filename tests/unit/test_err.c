#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/term.h"

/* A long message of someone else's, cut wherever the room ends. */
static void test_err__a_cut_message_is_whole_characters(void **state)
{
	static const char *const characters[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	struct err err;

	(void)state;
	for (size_t c = 0; c < 3; c++) {
		for (int lead = 0; lead < 4; lead++) {
			char text[1000];
			size_t n = strlen(characters[c]);

			memset(text, 'x', (size_t)lead);
			for (size_t i = (size_t)lead; i + n < sizeof(text); i += n)
				memcpy(text + i, characters[c], n + 1);
			err_set(&err, ERR_GOOGLE, "%s", text);
			assert_true(utf8_valid(err.msg, strlen(err.msg)));
			assert_true(strlen(err.msg) > sizeof(err.msg) - 6);
			err_wrap(&err, "before");
			assert_true(utf8_valid(err.msg, strlen(err.msg)));
		}
	}
}

static void test_err__a_message_is_one_line_of_text(void **state)
{
	struct err err;

	(void)state;
	err_set(&err, ERR_GOOGLE, "a\r\nb\nc");
	assert_string_equal(err.msg, "a  b c");
	err_wrap(&err, "x\ny");
	assert_string_equal(err.msg, "x y: a  b c");
	err_set(&err, ERR_GOOGLE, "%s", "a\xff\xc3z\xe2\x82\xac");
	assert_string_equal(err.msg, "a??z\xe2\x82\xac");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_err__a_cut_message_is_whole_characters),
		cmocka_unit_test(test_err__a_message_is_one_line_of_text),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
