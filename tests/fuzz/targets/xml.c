/* The XML of STS: the text that was found, put into a document of its own, is found there as the same. */
#include "fuzz.h"

#include "customerd/aws/xml.h"

static void escape(struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '<')
            buf_append_cstr(out, "&lt;");
        else if (text.ptr[i] == '&')
            buf_append_cstr(out, "&amp;");
        else
            buf_append_byte(out, text.ptr[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const path[] = { "a", "b", NULL };
    struct buf text = BUF_INIT(1u << 20);
    struct buf document = BUF_INIT(1u << 20);
    struct buf again = BUF_INIT(1u << 20);
    char *copy = fuzz_copy(slice_of(data, size));
    if (xml_text_at(slice_of(copy, size), path, &text) == XML_FOUND) {
        buf_append_cstr(&document, "<a><c/><b>");
        escape(buf_slice(&text), &document);
        buf_append_cstr(&document, "</b></a>");
        REQUIRE(buf_ok(&document) && xml_text_at(buf_slice(&document), path, &again) == XML_FOUND);
        REQUIRE(slice_equal(buf_slice(&text), buf_slice(&again)));
    }
    free(copy);
    buf_clean_up(&text);
    buf_clean_up(&document);
    buf_clean_up(&again);
    return 0;
}
