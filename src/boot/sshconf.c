#include "boot/sshconf.h"

#include "base/mem.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void list_add(struct sshconf_list *l, const char *text, size_t len)
{
    if (l->count == SSHCONF_LIST_MAX)
        return;
    l->item = mem_resize(l->item, l->count + 1, sizeof *l->item);
    l->item[l->count++] = mem_text(text, len);
}

void sshconf_list_fini(struct sshconf_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->item[i]);
    free(l->item);
    *l = (struct sshconf_list){0};
}

static void set_text(char **to, const char *value)
{
    free(*to);
    *to = strcasecmp(value, "none") ? mem_text(value, strlen(value)) : NULL;
}

/* Booleans are printed as yes/no or true/false, depending on the keyword. */
static bool yes(const char *value)
{
    return !strcasecmp(value, "yes") || !strcasecmp(value, "true");
}

static int tty_of(const char *value)
{
    if (!strcasecmp(value, "force"))
        return 2;
    if (yes(value))
        return 1;
    return strcasecmp(value, "auto") ? -1 : 0;
}

static bool any_of(const char *keyword, const char *const *names)
{
    for (; *names; names++)
        if (!strcasecmp(keyword, *names))
            return true;
    return false;
}

static void set_type(struct sshconf *c, const char *value)
{
    c->session_none = !strcasecmp(value, "none");
    c->subsystem = !strcasecmp(value, "subsystem");
}

/* Forwards that we serve ourselves; false: something else. */
static bool set_forward(struct sshconf *c, const char *keyword, const char *value)
{
    if (!strcasecmp(keyword, "localforward")) {
        c->forwards = true;
        list_add(&c->local, value, strlen(value));
    } else if (!strcasecmp(keyword, "dynamicforward")) { /* one with '/' is an artefact of -G */
        c->forwards = c->forwards || *value != '/';
        if (*value != '/')
            list_add(&c->dynamic, value, strlen(value));
    } else if (!strcasecmp(keyword, "remoteforward")) {
        c->forwards = true;
        c->remote |= strstr(value, "[socks]:0") != NULL; /* as ssh -G tells of SOCKS there */
        list_add(&c->back, value, strlen(value));
    } else if (!strcasecmp(keyword, "gatewayports")) {
        c->gateway_ports = yes(value);
    } else if (!strcasecmp(keyword, "exitonforwardfailure")) {
        c->exit_on_forward_failure = yes(value);
    } else if (!strcasecmp(keyword, "streamlocalbindunlink")) {
        c->bind_unlink = yes(value);
    } else if (!strcasecmp(keyword, "streamlocalbindmask")) {
        c->bind_mask = (unsigned)strtoul(value, NULL, 8) & 0777;
    } else {
        return false;
    }
    return true;
}

static void keep(char **to, const char *value)
{
    free(*to);
    *to = mem_text(value, strlen(value));
}

static bool set_lent(struct sshconf *c, const char *keyword, const char *value)
{
    if (!strcasecmp(keyword, "forwardagent")) { /* yes, or a socket's path or variable */
        c->agent = strcasecmp(value, "no") && strcasecmp(value, "false");
        keep(&c->agent_socket, value);
    } else if (!strcasecmp(keyword, "identityagent")) {
        keep(&c->identity_agent, value);
    } else if (!strcasecmp(keyword, "forwardx11")) {
        c->x11 = yes(value);
    } else if (!strcasecmp(keyword, "forwardx11trusted")) {
        c->x11_trusted = yes(value);
    } else if (!strcasecmp(keyword, "forwardx11timeout")) {
        c->x11_timeout = (unsigned)strtoul(value, NULL, 10);
    } else if (!strcasecmp(keyword, "xauthlocation")) {
        keep(&c->xauth, value);
    } else {
        return false;
    }
    return true;
}

static void set_more(struct sshconf *c, const char *keyword, const char *value)
{
    static const char *const proxies[] = {"proxyjump", "proxycommand", NULL};
    if (set_forward(c, keyword, value))
        ;
    else if (!strcasecmp(keyword, "tunnel") && strcasecmp(value, "false") &&
             strcasecmp(value, "no"))
        c->forwards = c->remote = true;
    else if (any_of(keyword, proxies))
        c->proxy = c->proxy || strcasecmp(value, "none");
    else if (set_lent(c, keyword, value))
        ;
    else if (!strcasecmp(keyword, "sessiontype"))
        set_type(c, value);
    else if (!strcasecmp(keyword, "stdinnull"))
        c->stdin_null = yes(value);
    else if (!strcasecmp(keyword, "forkafterauthentication"))
        c->background = yes(value);
    else if (!strcasecmp(keyword, "setenv"))
        list_add(&c->set_env, value, strlen(value));
    else if (!strcasecmp(keyword, "sendenv"))
        list_add(&c->send_env, value, strlen(value));
}

static void set(struct sshconf *c, const char *keyword, const char *value)
{
    const struct {
        const char *keyword;
        char **text;
    } texts[] = {
        {"hostname", &c->hostname},
        {"user", &c->user},
        {"remotecommand", &c->remote_command},
        {"localcommand", &c->local_command},
        {"escapechar", &c->escape_char},
        {"addressfamily", &c->address_family},
        {"controlpath", &c->control_path},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (strcasecmp(keyword, texts[i].keyword))
            continue;
        if (texts[i].text == &c->escape_char) { /* "none" is a value here; ^B comes as \^B */
            value += value[0] == '\\' && value[1] == '^';
            free(c->escape_char), c->escape_char = mem_text(value, strlen(value));
        } else
            set_text(texts[i].text, value);
        return;
    }
    if (!strcasecmp(keyword, "port"))
        c->port = (uint16_t)strtoul(value, NULL, 10);
    else if (!strcasecmp(keyword, "requesttty"))
        c->request_tty = tty_of(value);
    else if (!strcasecmp(keyword, "permitlocalcommand"))
        c->permit_local_command = yes(value);
    else
        set_more(c, keyword, value);
}

void sshconf_parse(struct sshconf *c, const char *text, size_t len)
{
    *c = (struct sshconf){0};
    const char *end = text + len;
    while (text < end) {
        const char *lf = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((lf ? lf : end) - text);
        char *line = mem_text(text, n);
        char *blank = strchr(line, ' ');
        if (blank) {
            *blank = 0;
            set(c, line, blank + 1);
        }
        free(line);
        text = lf ? lf + 1 : end;
    }
}

void sshconf_fini(struct sshconf *c)
{
    char **texts[] = {&c->hostname,       &c->user,           &c->remote_command, &c->local_command,
                      &c->escape_char,    &c->address_family, &c->control_path,   &c->agent_socket,
                      &c->identity_agent, &c->xauth};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(*texts[i]);
    sshconf_list_fini(&c->set_env);
    sshconf_list_fini(&c->send_env);
    sshconf_list_fini(&c->local);
    sshconf_list_fini(&c->dynamic);
    sshconf_list_fini(&c->back);
    *c = (struct sshconf){0};
}

bool sshconf_sends(const struct sshconf *c, const char *name)
{
    bool sent = false;
    for (size_t i = 0; i < c->send_env.count; i++) {
        const char *p = c->send_env.item[i];
        bool out = *p == '-';
        if (!fnmatch(p + out, name, 0))
            sent = !out;
    }
    return sent;
}

void sshconf_env(const struct sshconf *c, char *const *environ, struct sshconf_list *out)
{
    for (size_t i = 0; i < c->set_env.count; i++) {
        const char *v = c->set_env.item[i];
        if (strchr(v, '=') && *v != '=')
            list_add(out, v, strlen(v));
    }
    for (; *environ; environ++) {
        const char *eq = strchr(*environ, '=');
        if (!eq || eq == *environ)
            continue;
        char *name = mem_text(*environ, (size_t)(eq - *environ));
        bool set_already = false;
        for (size_t i = 0; i < out->count && !set_already; i++)
            set_already = !strncmp(out->item[i], *environ, (size_t)(eq - *environ) + 1);
        if (!set_already && sshconf_sends(c, name))
            list_add(out, *environ, strlen(*environ));
        free(name);
    }
}
