internal import AnnexDigest

extension RepositoryUUID {
    /// A UUID that follows from a secret and a name: for both the same each time, and unlike that of any other
    /// repository.
    public static func derived(from secret: [UInt8], for name: some Sequence<UInt8>) -> RepositoryUUID {
        RepositoryUUID(shaping: StreamingDigest.digest(.sha256, of: secret + [0] + Array(name)))
    }
}
