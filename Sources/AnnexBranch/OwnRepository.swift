public import AnnexProtocol

/// What a host knows about its own repository without the git-annex branch: with this it puts right what the branch
/// says.
public struct OwnRepository: Sendable {
    /// What uuid.log calls it where nobody has given it another name.
    public var description: [UInt8]
    /// The names of the parts that its object store is listed in. Blocking.
    public var parts: @Sendable () throws -> [[UInt8]]
    /// The keys in one part. Blocking.
    public var keys: @Sendable (_ part: [UInt8]) throws -> [Key]

    public init(
        description: [UInt8], parts: @escaping @Sendable () throws -> [[UInt8]],
        keys: @escaping @Sendable (_ part: [UInt8]) throws -> [Key]
    ) {
        self.description = description
        self.parts = parts
        self.keys = keys
    }
}
