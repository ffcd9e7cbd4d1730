import AnnexProtocol
import GitHost

extension GitConfig {
    /// Where a repository keeps each name that it once had, so that aliases can be made again from it.
    static let formerNameKey = "annexd.formerName"

    /// The names that the repository with this config once had, oldest first.
    var formerNames: [RepositoryName] {
        all(Self.formerNameKey).compactMap { RepositoryName(String(decoding: $0, as: UTF8.self)) }
    }
}
