/* OpenSSL's headers, whose <openssl/types.h> has a type named like our ERR_STATE. Private to link.
 */
#ifndef TERN_LINK_OSSL_H
#define TERN_LINK_OSSL_H

#define ERR_STATE ossl_err_state
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#undef ERR_STATE

#endif
