#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "customerd/aws/xml.h"

static enum xml_result look(const char *document, struct buf *out)
{
    static const char *const path[] = { "R", "C", "Key", NULL };
    buf_clear(out);
    return xml_text_at(slice_cstr(document), path, out);
}

static void text_is_found_by_its_path(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(1024);
    assert_int_equal(look("<?xml version=\"1.0\"?>\n<R xmlns='https://x/?a=1'>\n <Key>no</Key> <!-- <Key> -->"
                          "<C a=\"1\" b = '>' >\n <Key>a&amp;b&lt;/+=</Key><D><Key>no</Key></D></C><E/></R>\n",
                          &out),
                     XML_FOUND);
    assert_string_equal(out.data, "a&b</+=");
    assert_int_equal(look("<R><C><Key>&#65;&#x27;&#xe4;&#x20AC;&#x1f600;&#10;</Key></C></R>", &out), XML_FOUND);
    assert_string_equal(out.data, "A'\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n");
    assert_int_equal(look("<R><C><Key/></C></R>", &out), XML_FOUND);
    assert_int_equal(out.len, 0);
    assert_int_equal(look("<R><C></C><Key>no</Key></R>", &out), XML_ABSENT);
    assert_int_equal(look("<X><R><C><Key>no</Key></C></R></X>", &out), XML_ABSENT);
    assert_int_equal(look("", &out), XML_ABSENT);
    buf_clean_up(&out);
}

static void anything_odd_makes_the_document_invalid(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "<R><C><Key>a</Key><Key>b</Key></C></R>",
        "<R><C><Key>a</Key></C><C><Key>b</Key></C></R>",
        "<R><C><Key>a<b>c</b></Key></C></R>",
        "<R><C><Key>a</Key></C>",
        "<R><C><Key>a</C></Key></R>",
        "<!DOCTYPE R [<!ENTITY e 'x'>]><R><C><Key>&e;</Key></C></R>",
        "<R><C><Key>&#0;</Key></C></R>",
        "<R><C><Key>&#;</Key></C></R>",
        "<R><C><Key>&#x;</Key></C></R>",
        "<R><C><Key>&#6a;</Key></C></R>",
        "<R><C><Key>&#65</Key></C></R>",
        "<R><C><Key>&#xd800;</Key></C></R>",
        "<R><C><Key>&#x110000;</Key></C></R>",
        "<R><C><Key>&#4294967361;</Key></C></R>",
        "<R><C><Key><![CDATA[a]]></Key></C></R>",
        "<R><?php x?><C><Key>a</Key></C></R>",
        "<R><C><Key a>a</Key></C></R>",
        "<R><C><Key a=\"1>a</Key></C></R>",
        "text<R><C><Key>a</Key></C></R>",
        "<R><C><Key>a</Key></C></R>text",
        "<R><C><Key>a</Key></C></R",
        "<", "<R", "</R>", "<R><!-- ", "<?xml ", "&",
        "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>",
    };
    struct buf out = BUF_INIT(1024);
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++)
        if (look(documents[i], &out) != XML_INVALID)
            fail_msg("taken for valid: %s", documents[i]);
    buf_clean_up(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_found_by_its_path),
        cmocka_unit_test(anything_odd_makes_the_document_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
