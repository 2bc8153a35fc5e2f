/* Which command a subsystem is: what sshd's configuration says, else where systems put sftp-server
 * (openssh-mux.md §3.5). */
#ifndef TERN_SERVER_SUBSYSTEM_H
#define TERN_SERVER_SUBSYSTEM_H

#define SUBSYSTEM_CONFIG "/etc/ssh/sshd_config"

/* The command for the shell, to be freed; NULL: there is none. "internal-sftp" (which only sshd
 * has) becomes the program sftp-server with the same arguments. config: path of sshd_config; one
 * that cannot be read says nothing. Match blocks are not looked into. */
char *subsystem_command(const char *name, const char *config);

#endif
