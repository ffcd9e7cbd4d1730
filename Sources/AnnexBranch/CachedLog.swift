public import AnnexProtocol
import Synchronization

/// What follows from one log of a git-annex branch, and from something else perhaps, computed once for each version of
/// them.
///
/// Attack: whoever may push decides what is in the log. Were it read for each request, a few requests for a log of many
/// lines would keep the host busy for ever. So however many ask at once, one reads it, on a thread that may wait, and
/// what it comes to is kept until the branch or the journal has another version of the log.
public final class CachedLog<Input: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Version: Hashable {
        var file: BranchFileVersion
        var input: Input
    }

    private struct State {
        var known: (version: Version, value: Result<Value, any Error>, cost: Int)?
        var running: (version: Version, task: Task<Value, any Error>)?
        var derivations = 0
    }

    private let path: BranchPath
    private let budget: CacheBudget
    private let cost: @Sendable (Value) -> Int
    private let derive: @Sendable (_ content: [UInt8], _ input: Input) -> Value
    private let state = Mutex(State())

    /// - Parameters:
    ///   - budget: what the caches of all repositories share.
    ///   - cost: about how many bytes a value takes.
    ///   - derive: what follows from a version of the log; nothing is no bytes. Blocking.
    public init(
        _ path: BranchPath, in budget: CacheBudget, cost: @escaping @Sendable (Value) -> Int,
        derive: @escaping @Sendable (_ content: [UInt8], _ input: Input) -> Value
    ) {
        self.path = path
        self.budget = budget
        self.cost = cost
        self.derive = derive
    }

    deinit { budget.release(ObjectIdentifier(self)) }

    /// How often it had to be computed.
    public var derivations: Int { state.withLock { $0.derivations } }

    /// What follows from the log as the branch and the journal have it now.
    public func value(in branch: AnnexBranch, with input: Input) async throws -> Value {
        // The version first: a change during the reading is then seen by the next call.
        let version = Version(file: try await branch.version(of: path), input: input)
        let step = state.withLock { state -> Step in
            if let known = state.known, known.version == version {
                return .known(known.value, isCounted: known.cost > CacheBudget.negligible)
            }
            if let running = state.running, running.version == version { return .wait(running.task) }
            state.derivations += 1
            // Not a child of the caller, as others wait for it too; nor does it run where the caller does.
            let task = Task { try await self.compute(version, branch) }
            state.running = (version, task)
            return .wait(task)
        }
        switch step {
        case .wait(let task): return try await task.value
        case .known(let value, let isCounted):
            if isCounted { budget.touch(ObjectIdentifier(self)) }
            return try value.get()
        }
    }

    private enum Step: Sendable {
        case known(Result<Value, any Error>, isCounted: Bool)
        case wait(Task<Value, any Error>)
    }

    private func compute(_ version: Version, _ branch: AnnexBranch) async throws -> Value {
        defer {
            state.withLock { state in
                if state.running?.version == version { state.running = nil }
            }
        }
        do {
            let content = try await branch.read(path) ?? []
            let derive = derive
            let value = try await branch.executor.run { derive(content, version.input) }
            keep(.success(value), cost(value), version)
            return value
        } catch let error as AnnexBranchError where error.isAboutOneFile {
            // It will not become readable before there is another version.
            keep(.failure(error), 0, version)
            throw error
        }
    }

    private func keep(_ value: Result<Value, any Error>, _ cost: Int, _ version: Version) {
        state.withLock { $0.known = (version, value, cost) }
        let isKept = budget.keep(cost, of: ObjectIdentifier(self)) { [weak self] in self?.forget(version) }
        if !isKept { forget(version) }
    }

    private func forget(_ version: Version) {
        state.withLock { state in
            if state.known?.version == version { state.known = nil }
        }
    }
}
