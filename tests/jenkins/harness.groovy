// Runs a declarative pipeline on Jenkins' own version of Groovy, with the semantics of Jenkins that the products rely on.
//
// Reads lines of two paths: a scenario (JSON), and the file that its events go to (JSON); answers each with a line. So one
// Java runs many builds. Whatever Jenkins would refuse is an error here: unknown sections, directives, options, conditions
// and steps, statements in `steps` outside of `script`, steps without an agent, containers that the pod lacks, clouds that
// the job may not use, service accounts that the namespace lacks, credentials that nobody made. `sh` runs a real shell.
import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import org.codehaus.groovy.ast.ASTNode
import org.codehaus.groovy.ast.expr.BinaryExpression
import org.codehaus.groovy.ast.expr.ClosureExpression
import org.codehaus.groovy.ast.expr.MethodCallExpression
import org.codehaus.groovy.ast.expr.TupleExpression
import org.codehaus.groovy.ast.stmt.BlockStatement
import org.codehaus.groovy.ast.stmt.ExpressionStatement
import org.codehaus.groovy.control.CompilationUnit
import org.codehaus.groovy.control.CompilerConfiguration
import org.codehaus.groovy.control.Phases
import org.codehaus.groovy.control.SourceUnit

class PipelineError extends RuntimeException {
    PipelineError(String message) { super(message) }
}

class StepFailure extends RuntimeException {
    StepFailure(String message) { super(message) }
}

class Aborted extends RuntimeException {
    Aborted(String message) { super(message) }
}

class World {
    Map scenario
    List events = []
    Map global = [:]
    List<Map> overlays = []
    Map agent
    String container
    int agents = 0
    String failed = ''
    String directory = ''
    Map<String, Map<String, byte[]>> stashes = [:]

    void event(Map what) { events << what }

    Map environment() {
        Map all = [:] + scenario.environment
        overlays.each { if (it.directive) { all.putAll(it.values) } }
        all.putAll(global)
        overlays.each { if (!it.directive) { all.putAll(it.values) } }
        all
    }

    Object layered(Map values, boolean directive, Closure body) {
        overlays << [values: values, directive: directive]
        try {
            body()
        } finally {
            overlays.remove(overlays.size() - 1)
        }
    }

    void within(Map wanted, Closure body) {
        Map pod = scenario.pods[wanted.yamlFile]
        if (pod == null) { throw new PipelineError("there is no pod ${wanted.yamlFile}") }
        def (Map outer, String outerContainer, String outerDirectory) = [agent, container, directory]
        File folder = new File(scenario.workspaces, "${++agents}")
        new File(folder, 'workspace').mkdirs()
        agent = [file: wanted.yamlFile, pod: pod, folder: folder, account: wanted.serviceAccount ?: pod.serviceAccount]
        Map cloud = scenario.clouds[wanted.cloud ?: 'kubernetes']
        if (!cloud) { throw new PipelineError("there is no cloud ${wanted.cloud}") }
        // https://github.com/jenkinsci/kubernetes-plugin/pull/282
        if (!cloud.allowed) { throw new StepFailure("Not authorized to use Kubernetes cloud: ${wanted.cloud}") }
        if (!(agent.account in cloud.accounts)) {
            throw new StepFailure("service account ${cloud.namespace}/${agent.account} not found")
        }
        directory = ''
        event(type: 'agent', pod: wanted.yamlFile, account: agent.account, namespace: cloud.namespace)
        try {
            inContainer(wanted.defaultContainer ?: 'jnlp', body)
        } finally {
            agent = outer
            container = outerContainer
            directory = outerDirectory
        }
    }

    File here() {
        if (agent == null) { throw new PipelineError('a step needs an agent') }
        File folder = new File(agent.folder, "workspace/${directory}")
        folder.mkdirs()
        folder
    }

    Object inContainer(String name, Closure body) {
        if (agent == null) { throw new PipelineError("container '${name}' is asked for without an agent") }
        if (!(name in agent.pod.containers)) { throw new PipelineError("${agent.file} has no container '${name}'") }
        String outer = container
        container = name
        try {
            body()
        } finally {
            container = outer
        }
    }

    /** Run a command in the current container; its status, and what it printed. */
    Map execute(List command, Map more = [:]) {
        if (agent == null) { throw new PipelineError("a command runs without an agent: ${command}") }
        Map spec = agent.pod.containers[container]
        ProcessBuilder builder = new ProcessBuilder(command*.toString())
        builder.directory(here())
        builder.environment().clear()
        builder.environment().putAll([PATH: spec.path, HOME: new File(agent.folder, 'home').path])
        new File(agent.folder, 'home').mkdirs()
        spec.environment.each { key, value ->
            builder.environment().put(key, value.toString().replace('@pod@', agent.folder.path))
        }
        environment().each { key, value -> builder.environment().put(key.toString(), value.toString()) }
        more.each { key, value -> builder.environment().put(key.toString(), value.toString()) }
        File out = File.createTempFile('out', '')
        File err = File.createTempFile('err', '')
        builder.redirectOutput(out).redirectError(err).redirectInput(new File('/dev/null'))
        try {
            int status = builder.start().waitFor()
            return [status: status, out: out.text, err: err.text]
        } finally {
            [out, err]*.delete()
        }
    }
}

/** What every part of a pipeline sees: the variables, and an error for what is not known. */
class Scope {
    World world
    String where

    Object getProperty(String name) {
        switch (name) {
            case 'env': return new Env(world: world)
            case 'params': return world.scenario.params.asImmutable()
            case 'scm': return 'scm'
            case 'currentBuild': return new CurrentBuild(world: world)
            case 'none': case 'any': return name
        }
        MetaProperty own = this.metaClass.getMetaProperty(name)
        if (own) { return own.getProperty(this) }
        throw new PipelineError("${where}: there is no ${name}")
    }

    Object methodMissing(String name, Object arguments) {
        throw new PipelineError("${where}: there is no ${name}")
    }

    Object perform(Closure body) {
        Closure own = body.clone()
        own.delegate = this
        own.resolveStrategy = Closure.DELEGATE_ONLY
        own.call()
    }

    void known(Map given, List<String> keys, String what) {
        Set unknown = given.keySet() - keys
        if (unknown) { throw new PipelineError("${where}: ${what} has no ${unknown.join(', ')}") }
    }
}

class Env {
    World world

    Object getProperty(String name) { world.environment()[name]?.toString() }

    void setProperty(String name, Object value) {
        if (name == 'world') { this.@world = value; return }
        world.global[name] = value.toString()
    }
}

class CurrentBuild {
    World world

    List getBuildCauses(String kind) { world.scenario.causes.findAll { it == kind } }
    void setDescription(String text) { world.event(type: 'description', text: text) }
}

class Variables extends Scope {
    Map values = [:]

    void setProperty(String name, Object value) {
        if (name in ['world', 'where', 'values']) { this.@"${name}" = value; return }
        values[name] = value
    }
}

class Options extends Scope {
    boolean top
    Map found = [:]
    int timeout

    void disableConcurrentBuilds(Map how = [:]) {
        if (!top) { throw new PipelineError("${where}: disableConcurrentBuilds is for the pipeline") }
        known(how, ['abortPrevious'], 'disableConcurrentBuilds')
        found.disableConcurrentBuilds = how
    }

    void buildDiscarder(Object how) { found.buildDiscarder = how }

    Object logRotator(Map how) {
        known(how, ['numToKeepStr', 'daysToKeepStr', 'artifactNumToKeepStr', 'artifactDaysToKeepStr'], 'logRotator')
        how
    }

    void skipDefaultCheckout() { found.skipDefaultCheckout = true }

    void timeout(Map how) {
        known(how, ['time', 'unit'], 'timeout')
        if (!(how.unit in ['SECONDS', 'MINUTES', 'HOURS', 'DAYS'])) { throw new PipelineError("timeout in ${how.unit}") }
        found.timeout = how
    }
}

class Parameters extends Scope {
    List found = []

    void choice(Map how) {
        known(how, ['name', 'choices', 'description'], 'choice')
        found << [name: how.name, choices: how.choices, value: how.choices[0]]
    }

    void string(Map how) {
        known(how, ['name', 'defaultValue', 'description', 'trim'], 'string')
        found << [name: how.name, value: how.defaultValue ?: '']
    }
}

class Triggers extends Scope {
    List found = []

    void cron(String when) {
        if (when.tokenize().size() != 5) { throw new PipelineError("${where}: cron has five fields, '${when}' has not") }
        found << when
    }
}

class Kubernetes extends Scope {
    Map found = [:]

    void yamlFile(String value) { found.yamlFile = value }
    void defaultContainer(String value) { found.defaultContainer = value }
    void serviceAccount(String value) { found.serviceAccount = value }
    void cloud(String value) { found.cloud = value }
}

class Agent extends Scope {
    Map found

    void kubernetes(Closure body) {
        Kubernetes settings = new Kubernetes(world: world, where: "${where}: kubernetes")
        settings.perform(body)
        found = settings.found
    }
}

class Input extends Scope {
    Map found = [:]

    void message(String value) { found.message = value }
    void ok(String value) { found.ok = value }
    void submitter(String value) { found.submitter = value }
}

class When extends Scope {
    boolean beforeAgent
    boolean beforeInput
    List<Boolean> results = []

    void beforeAgent(boolean value) { this.beforeAgent = value }
    void beforeInput(boolean value) { this.beforeInput = value }
    void branch(String name) { results << (world.scenario.environment.BRANCH_NAME ==~ name.replace('*', '[^/]*')) }
    void changeRequest() { results << (world.scenario.environment.CHANGE_ID != null) }

    void expression(Closure body) {
        Object result = new Steps(world: world, where: "${where}: expression", script: true).perform(body)
        // Jenkins takes any text for true, also an empty one.
        if (!(result instanceof Boolean)) { throw new PipelineError("${where}: expression gives no boolean but ${result}") }
        results << result
    }

    void allOf(Closure body) { results << nested(body).every() }
    void anyOf(Closure body) { results << nested(body).any() }
    void not(Closure body) { results << !nested(body).every() }

    private List<Boolean> nested(Closure body) {
        When inner = new When(world: world, where: where)
        inner.perform(body)
        inner.results
    }
}

class Steps extends Scope {
    boolean script

    Object sh(Object given) {
        Map how = given instanceof Map ? given : [script: given]
        known(how, ['script', 'returnStdout', 'returnStatus', 'label', 'encoding'], 'sh')
        File file = File.createTempFile('script', '.sh')
        file.text = how.script.toString().stripIndent()
        Map done = world.execute(['/bin/sh', '-xe', file.path])
        file.delete()
        world.event(type: 'sh', script: how.script.toString(), container: world.container, pod: world.agent.file,
            account: world.agent.account, status: done.status, out: done.out, err: done.err,
            locks: [] + world.scenario.locks)
        if (how.returnStatus) { return done.status }
        if (done.status != 0) { throw new StepFailure("script returned exit code ${done.status}") }
        how.returnStdout ? done.out : null
    }

    Object checkout(Object what) {
        if (what != 'scm') { throw new PipelineError("checkout of ${what}") }
        List refs = world.scenario.refs.collect { from, to -> "+refs/heads/${from}:refs/remotes/origin/${to}" }
        List commands = [
            ['git', 'init', '--quiet', '.'],
            ['git', 'remote', 'add', 'origin', world.scenario.origin],
            ['git', 'fetch', '--quiet', '--no-tags', 'origin'] + refs,
            ['git', 'checkout', '--quiet', '--force', world.scenario.commit],
        ]
        commands.each {
            Map done = world.execute(it)
            if (done.status != 0) { throw new StepFailure("${it}: ${done.err}") }
        }
        world.event(type: 'checkout', container: world.container, pod: world.agent.file)
        [GIT_COMMIT: world.scenario.commit] + world.scenario.previous
    }

    Object container(String name, Closure body) { world.inContainer(name) { perform(body) } }

    Object dir(String name, Closure body) {
        String outer = world.directory
        world.directory = "${outer}/${name}"
        try {
            perform(body)
        } finally {
            world.directory = outer
        }
    }

    /** Of the patterns of Ant, a single file. */
    void stash(Map how) {
        known(how, ['name', 'includes'], 'stash')
        File file = new File(world.here(), how.includes)
        if (!file.file) { throw new StepFailure("No files included in stash ‘${how.name}’") }
        world.stashes[how.name] = [(how.includes): file.bytes]
    }

    void unstash(String name) {
        if (!(name in world.stashes)) { throw new StepFailure("No such saved stash ‘${name}’") }
        world.stashes[name].each { path, bytes -> new File(world.here(), path).bytes = bytes }
    }

    Object withEnv(List<String> settings, Closure body) {
        Map values = settings.collectEntries { it.toString().split('=', 2) as List }
        world.layered(values, false) { perform(body) }
    }

    Map usernamePassword(Map how) {
        known(how, ['credentialsId', 'usernameVariable', 'passwordVariable'], 'usernamePassword')
        credential(how.credentialsId)
        [(how.usernameVariable): 'user', (how.passwordVariable): "password of ${how.credentialsId}".toString()]
    }

    Map gitUsernamePassword(Map how) {
        known(how, ['credentialsId', 'gitToolName'], 'gitUsernamePassword')
        credential(how.credentialsId)
        // Jenkins sets a program that git asks for the password; the test's server looks at this name instead.
        [GIT_ASKPASS: '/bin/false', PUSH_WITH: how.credentialsId]
    }

    private void credential(String id) {
        if (!(id in world.scenario.credentials)) { throw new PipelineError("nobody has made the credential ${id}") }
        world.event(type: 'credential', id: id)
    }

    Object withCredentials(List<Map> credentials, Closure body) {
        world.layered(credentials.sum() ?: [:], false) { perform(body) }
    }

    Object lock(String name, Closure body) {
        world.event(type: 'lock', name: name)
        world.scenario.locks << name
        try {
            perform(body)
        } finally {
            world.scenario.locks.remove(name)
        }
    }

    Object catchError(Map how = [:], Closure body) {
        known(how, ['buildResult', 'stageResult', 'message', 'catchInterruptions'], 'catchError')
        try {
            perform(body)
        } catch (StepFailure failure) {
            world.failed = world.failed ?: failure.message
        }
    }

    Map string(Map how) {
        known(how, ['name', 'value'], 'string')
        how
    }

    /** Start another job; as Jenkins does, wait for it and fail with it. */
    Object build(Map how) {
        known(how, ['job', 'parameters'], 'build')
        // A job that the user may not see is not there.
        Map job = world.scenario.jobs[how.job]
        if (job == null) { throw new StepFailure("No item named ${how.job} found") }
        Map params = (how.parameters ?: []).collectEntries { [it.name, it.value.toString()] }
        Map done = Runner.run(job + [params: params, locks: []])
        world.event(type: 'build', job: how.job, params: params, result: done.result, reason: done.reason)
        world.events.addAll(done.events)
        if (done.result != 'SUCCESS') { throw new StepFailure("${how.job} completed: ${done.result}") }
    }

    Object timeout(Map how, Closure body) { perform(body) }
    Object echo(String text) { world.event(type: 'echo', text: text) }
    Object error(String text) { throw new StepFailure(text) }

    Object script(Closure body) {
        if (script) { throw new PipelineError("${where}: script within script") }
        new Steps(world: world, where: "${where}: script", script: true).perform(body)
    }
}

class Post extends Scope {
    Map<String, Closure> found = [:]

    void always(Closure body) { found.always = body }
    void success(Closure body) { found.success = body }
    void failure(Closure body) { found.failure = body }
    void aborted(Closure body) { found.aborted = body }
    void unsuccessful(Closure body) { found.unsuccessful = body }
    void cleanup(Closure body) { found.cleanup = body }

    void run(String result) {
        List kinds = ['always', result.toLowerCase(), result == 'SUCCESS' ? '' : 'unsuccessful', 'cleanup']
        kinds.findAll { found[it] }.each { new Steps(world: world, where: "${where}: ${it}").perform(found[it]) }
    }
}

class Stages extends Scope {
    List<Stage> found = []

    void stage(String name, Closure body) {
        Stage made = new Stage(world: world, where: "stage ${name}", name: name)
        made.perform(body)
        if ([made.body, made.inner].count { it } != 1) {
            throw new PipelineError("stage ${name} needs steps or stages, and not both")
        }
        if (name in found*.name) { throw new PipelineError("the stage ${name} is there twice") }
        found << made
    }
}

/** The directives that a pipeline and a stage share, and how each runs. */
class Block extends Scope {
    Object agent
    Closure options
    Closure environment
    Closure post
    Stages inner

    void agent(Object what) {
        if (what instanceof Closure) {
            Agent made = new Agent(world: world, where: "${where}: agent")
            made.perform(what)
            agent = made.found
        } else {
            agent = what
        }
    }

    void options(Closure body) { this.options = body }
    void environment(Closure body) { this.environment = body }
    void post(Closure body) { this.post = body }

    void stages(Closure body) {
        inner = new Stages(world: world, where: "${where}: stages")
        inner.perform(body)
        if (!inner.found) { throw new PipelineError("${where}: stages is empty") }
    }

    Map optionsFound(boolean top) {
        Options made = new Options(world: world, where: "${where}: options", top: top)
        if (options) { made.perform(options) }
        made.found
    }

    Map variables() {
        Variables made = new Variables(world: world, where: "${where}: environment")
        if (environment) { made.perform(environment) }
        made.values
    }

    /** Run with the agent, if the block names one; without an implicit checkout only where that was asked for. */
    void onAgent(Closure body) {
        if (agent instanceof Map) {
            world.within(agent) {
                if (!world.scenario.skipDefaultCheckout) { new Steps(world: world, where: where).checkout('scm') }
                body()
            }
        } else {
            body()
        }
    }

    void finish(Closure body) {
        String result = 'SUCCESS'
        try {
            body()
        } catch (StepFailure failure) {
            result = 'FAILURE'
            throw failure
        } catch (Aborted aborted) {
            result = 'ABORTED'
            throw aborted
        } finally {
            if (post) {
                Post made = new Post(world: world, where: "${where}: post")
                made.perform(post)
                made.run(result)
            }
        }
    }
}

class Stage extends Block {
    String name
    Closure body
    Closure condition
    Closure question

    void steps(Closure body) { this.body = body }
    void when(Closure body) { this.condition = body }
    void input(Closure body) { this.question = body }

    void run() {
        optionsFound(false)
        When decision = new When(world: world, where: "${where}: when")
        boolean early = condition == null
        if (condition) {
            // Looked at once for its order, since conditions may look at the agent.
            String text = world.scenario.beforeAgent[name] ?: ''
            early = 'agent' in text.split() || (question && 'input' in text.split())
        }
        if (early && !wanted(decision)) { return }
        if (question) { ask() }
        onAgent {
            if (!early && !wanted(decision)) { return }
            world.event(type: 'stage', name: name)
            world.layered(variables(), true) {
                finish {
                    if (inner) {
                        inner.found.each { it.run() }
                    } else {
                        new Steps(world: world, where: "${where}: steps").perform(body)
                    }
                }
            }
        }
    }

    private boolean wanted(When decision) {
        if (condition) { decision.perform(condition) }
        boolean yes = decision.results.every()
        if (!yes) { world.event(type: 'skipped', name: name) }
        yes
    }

    private void ask() {
        Input made = new Input(world: world, where: "${where}: input")
        made.perform(question)
        if (!made.found.message) { throw new PipelineError("${where}: input has no message") }
        world.event(type: 'input', message: made.found.message, agent: world.agent?.file)
        if (!world.scenario.approve) { throw new Aborted('nobody approved') }
    }
}

class Pipeline extends Block {
    Closure parameters
    Closure triggers

    void parameters(Closure body) { this.parameters = body }
    void triggers(Closure body) { this.triggers = body }

    void run() {
        if (agent == null) { throw new PipelineError('pipeline: agent is missing') }
        if (inner == null) { throw new PipelineError('pipeline: stages are missing') }
        Map found = optionsFound(true)
        world.scenario.skipDefaultCheckout = found.skipDefaultCheckout ?: false
        world.event(type: 'options', options: found)
        if (triggers) {
            Triggers made = new Triggers(world: world, where: 'pipeline: triggers')
            made.perform(triggers)
            world.event(type: 'triggers', cron: made.found)
        }
        if (parameters) {
            Parameters made = new Parameters(world: world, where: 'pipeline: parameters')
            made.perform(parameters)
            Map defaults = made.found.collectEntries { [it.name, it.value] }
            Set unknown = world.scenario.params.keySet() - defaults.keySet()
            if (unknown) { throw new PipelineError("there is no parameter ${unknown.join(', ')}") }
            world.scenario.params = defaults + world.scenario.params
            made.found.findAll { it.choices }.each {
                if (!(world.scenario.params[it.name] in it.choices)) {
                    throw new PipelineError("${it.name} is none of ${it.choices}")
                }
            }
            world.scenario.environment.putAll(world.scenario.params)
            world.event(type: 'parameters', parameters: made.found)
        }
        world.layered(variables(), true) { onAgent { finish { inner.found.each { it.run() } } } }
    }
}

/** Jenkins reads the sections from the syntax tree: there, a section holds nothing but calls. */
class Grammar {
    Map<String, String> beforeAgent = [:]

    static List closures(MethodCallExpression call) {
        (call.arguments as TupleExpression).expressions.findAll { it instanceof ClosureExpression }
    }

    void check(ClosureExpression section, String name, String stage) {
        for (statement in (section.code as BlockStatement).statements) {
            ASTNode expression = statement instanceof ExpressionStatement ? statement.expression : statement
            if (name == 'environment' && expression instanceof BinaryExpression) { continue }
            if (!(expression instanceof MethodCallExpression)) {
                throw new PipelineError("line ${statement.lineNumber}: ${name} holds something else than a call: put it in script")
            }
            String method = expression.methodAsString
            if (name == 'when' && method in ['beforeAgent', 'beforeInput']) {
                beforeAgent[stage] = (beforeAgent[stage] ?: '') + " ${method - 'before'}".toLowerCase()
            }
            if (method in ['script', 'expression']) { continue }
            String next = stage
            if (method == 'stage') { next = (expression.arguments as TupleExpression).expressions[0].value }
            closures(expression).each { check(it, method, next) }
        }
    }

    void read(File file) {
        SourceUnit source = SourceUnit.create('Jenkinsfile', file.text)
        CompilationUnit unit = new CompilationUnit()
        unit.addSource(source)
        unit.compile(Phases.CONVERSION)
        List statements = source.AST.statementBlock.statements
        if (statements.size() != 1) { throw new PipelineError('there is more than the pipeline in the file') }
        MethodCallExpression call = statements[0].expression
        if (call.methodAsString != 'pipeline') { throw new PipelineError('there is no pipeline') }
        closures(call).each { check(it, 'pipeline', '') }
    }
}

class Runner {
    static Map run(Map scenario) {
        World world = new World(scenario: scenario)
        String result = 'SUCCESS'
        String reason = ''
        try {
            File file = new File(scenario.jenkinsfile)
            Grammar grammar = new Grammar()
            grammar.read(file)
            scenario.beforeAgent = grammar.beforeAgent
            Binding binding = new Binding()
            binding.setVariable('pipeline', { Closure body ->
                Pipeline pipeline = new Pipeline(world: world, where: 'pipeline')
                pipeline.perform(body)
                pipeline.run()
            })
            new GroovyShell(Runner.classLoader, binding, new CompilerConfiguration()).parse(file.text, 'Jenkinsfile').run()
            if (world.failed) { throw new StepFailure(world.failed) }
        } catch (StepFailure failure) {
            result = 'FAILURE'
            reason = failure.message
        } catch (Aborted aborted) {
            result = 'ABORTED'
            reason = aborted.message
        } catch (PipelineError error) {
            result = 'INVALID'
            reason = error.message
        } catch (org.codehaus.groovy.control.CompilationFailedException error) {
            result = 'INVALID'
            reason = error.message
        }
        [result: result, reason: reason, events: world.events]
    }
}

System.in.eachLine { line ->
    def (String scenario, String events) = line.split('\t')
    new File(events).text = JsonOutput.toJson(Runner.run(new JsonSlurper().parse(new File(scenario)) + [locks: []]))
    println 'done'
}
