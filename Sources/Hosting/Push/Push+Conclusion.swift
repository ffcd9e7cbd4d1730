import AnnexBranch
import GitHost
import Logging

extension Push {
    /// Does what follows from a push, accepted or not, and makes the report true.
    func conclude(_ reception: Reception) async -> Result<Ending, any Error> {
        guard var site = reception.site else { return reception.outcome.map { Ending(errors: $0) } }
        var answer = reception.answer
        let (rest, report) = answer.end()
        var ending = Ending(bytes: rest)
        if reception.hasBegun {
            var ended = EndedPush(request.commands, report, answer.lockFailures, site: site, desk: desk)
            await follow(&ended)
            site = ended.site
            if var report {
                await settle(&report, ended)
                var sentences = PushWords.sentences(
                    on: report, lockFailures: answer.lockFailures, errors: answer.errors)
                if site.draft != nil, report.refs.contains(where: { $0.refusal == nil }) {
                    sentences.append("created \(name); \"git annex push\" sends the content")
                }
                ending.bytes += answer.close(report, saying: sentences)
            }
        }
        do { try await desk.close(site) } catch { return .failure(error) }
        return reception.outcome.map { errors in
            ending.errors = errors
            return ending
        }
    }

    /// Each step is for itself. Failures are logged, not answered: the refs are where they are, and a merge that failed
    /// is done by the next push.
    private func follow(_ ended: inout EndedPush) async {
        for step in desk.steps {
            do { try await step.run(&ended) } catch {
                ended.site.repository.services.logger.error(
                    "work after a push failed",
                    metadata: ["repository": "\(name)", "step": "\(step.name)", "error": "\(error)"])
            }
        }
    }

    /// A ref that somebody else has moved a moment before was refused by git, and may all the same be as this push
    /// wants it.
    ///
    /// Two clients that sync at once bring the same branch; and of `synced/git-annex`, which each overwrites, only the
    /// merge matters.
    private func settle(_ report: inout PushReport, _ ended: EndedPush) async {
        for index in report.refs.indices {
            let ref = report.refs[index]
            guard ref.refusal != nil, let command = ended.overtaken[ref.name] else { continue }
            report.refs[index].refusal =
                await isFulfilled(command, in: ended.site.repository) ? nil : "non-fast-forward"
        }
    }

    private func isFulfilled(_ command: ReceivePackRequest.Command, in repository: HostedRepository) async -> Bool {
        let ref = String(decoding: command.ref, as: UTF8.self)
        do {
            let current = try await GitObjects(repository.gitDirectory).resolve(ref)
            if command.isDeletion ? current == nil : current == command.new { return true }
            guard RefPolicy.isMerged(command.ref), !command.isDeletion, let branch = repository.branch else {
                return false
            }
            return try await branch.hasMerged(command.new)
        } catch { return false }
    }
}
