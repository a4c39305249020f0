// What CodeNarc looks at in a Jenkinsfile. Left out are rules for classes and for the layout of files that are no scripts.
ruleset {
    ruleset('rulesets/basic.xml')
    ruleset('rulesets/braces.xml')
    ruleset('rulesets/exceptions.xml')
    ruleset('rulesets/groovyism.xml')
    ruleset('rulesets/logging.xml')
    ruleset('rulesets/naming.xml')
    ruleset('rulesets/security.xml')
    ruleset('rulesets/unnecessary.xml')
    ruleset('rulesets/unused.xml')
    ruleset('rulesets/formatting.xml') {
        Indentation { enabled = false } // two spaces, as everywhere in the repository
        SpaceAroundMapEntryColon { characterAfterColonRegex = /\s/ }
    }
}
