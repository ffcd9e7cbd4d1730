#include "CDigest.h"
#include <openssl/evp.h>
#include <openssl/md5.h>

void annexd_md5(const void *data, size_t length, uint8_t out[16]) {
    EVP_Digest(data, length, out, NULL, EVP_md5(), NULL);
}
