/// One decoder under attack, and what must be true of it for every input.
struct FuzzTarget: Sendable {
    /// Also the name of its folder in `Corpus`.
    let name: String
    /// Throws ``BrokenProperty`` where the input shows a mistake.
    let check: @Sendable (FuzzInput) throws -> Void

    init(_ name: String, _ check: @escaping @Sendable (FuzzInput) throws -> Void) {
        self.name = name
        self.check = check
    }

    static let all: [FuzzTarget] =
        httpTargets + urlTargets + protocolTargets + gitTargets + logTargets + branchTargets + treeTargets
        + outputTargets
}

/// Something that must be true and is not.
struct BrokenProperty: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Throws where `condition` does not hold.
func require(_ condition: Bool, _ property: @autoclosure () -> String) throws {
    if !condition { throw BrokenProperty(property()) }
}

/// Throws where the two differ.
func requireEqual<T: Equatable>(_ left: T, _ right: T, _ property: @autoclosure () -> String) throws {
    if left != right { throw BrokenProperty("\(property()): \(left) is not \(right)") }
}
