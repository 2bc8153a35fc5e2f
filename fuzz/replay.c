/* Runs a fuzz target over the files of its corpus (or over single files), without libFuzzer: the
 * corpus is a regression test under every compiler. The main of every replay_NAME. */
#include "base/mem.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Larger files are no seeds. */
#define INPUT_MAX (1u << 20)

static int run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return -1;
    }
    /* An exact allocation, so that a read behind the end is seen by ASan and valgrind. */
    uint8_t *all = mem_new(INPUT_MAX + 1, 1);
    size_t len = fread(all, 1, INPUT_MAX + 1, f);
    fclose(f);
    if (len > INPUT_MAX) {
        fprintf(stderr, "%s: larger than %u bytes\n", path, INPUT_MAX);
        free(all);
        return -1;
    }
    uint8_t *data = malloc(len ? len : 1);
    if (!data)
        abort();
    memcpy(data, all, len);
    free(all);
    /* Named first: when the target aborts, the last line says which file it was. */
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(data, len);
    free(data);
    return 1;
}

static int run_folder(const char *path)
{
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);
    if (n < 0) {
        perror(path);
        return -1;
    }
    int ran = 0;
    for (int i = 0; i < n; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.') {
            int got = run_file(file);
            ran = got < 0 || ran < 0 ? -1 : ran + got;
        }
        free(names[i]);
    }
    free(names);
    return ran;
}

int main(int argc, char **argv)
{
    int ran = 0;
    for (int i = 1; i < argc; i++) {
        struct stat st;
        int got =
            !stat(argv[i], &st) && S_ISDIR(st.st_mode) ? run_folder(argv[i]) : run_file(argv[i]);
        ran = got < 0 || ran < 0 ? -1 : ran + got;
    }
    if (ran <= 0) {
        fprintf(stderr, "%s\n",
                ran < 0 ? "an input could not be read" : "no input: the corpus is empty");
        return 1;
    }
    printf("%d inputs\n", ran);
    return 0;
}
