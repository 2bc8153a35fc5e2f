#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct item {
    int value;
    struct list node;
};

static int as_number(struct list *head)
{
    int n = 0;
    LIST_EACH(pos, head)
    n = n * 10 + LIST_ITEM(pos, struct item, node)->value;
    return n;
}

static void fill(struct list *head, struct item *items, int count)
{
    list_init(head);
    for (int i = 0; i < count; i++) {
        items[i].value = i + 1;
        list_add_tail(head, &items[i].node);
    }
}

static void test_order_is_that_of_adding(void **state)
{
    struct list head;
    struct item items[5];
    fill(&head, items, 5);
    assert_int_equal(as_number(&head), 12345);
    assert_false(list_empty(&head));
}

static void test_removal_at_both_ends_and_between(void **state)
{
    struct list head;
    struct item items[5];
    fill(&head, items, 5);
    list_del(&items[2].node);
    assert_int_equal(as_number(&head), 1245);
    list_del(&items[0].node);
    list_del(&items[4].node);
    assert_int_equal(as_number(&head), 24);
    list_del(&items[2].node); /* already out: harmless */
    list_add_tail(&head, &items[2].node);
    assert_int_equal(as_number(&head), 243);
}

static void test_all_can_be_removed_while_walking(void **state)
{
    struct list head;
    struct item items[9];
    int seen = 0;
    fill(&head, items, 9);
    LIST_EACH_SAFE(pos, tmp, &head)
    {
        seen += LIST_ITEM(pos, struct item, node)->value;
        list_del(pos);
    }
    assert_int_equal(seen, 45);
    assert_true(list_empty(&head));
    LIST_EACH_SAFE(pos, tmp, &head)
    fail_msg("an empty list has an item");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_is_that_of_adding),
        cmocka_unit_test(test_removal_at_both_ends_and_between),
        cmocka_unit_test(test_all_can_be_removed_while_walking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
