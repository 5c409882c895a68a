# Reference values from R packages for tests/models/test_against_r.py.
#
#   python tests/golden/r/datasets.py FOLDER
#   Rscript tests/golden/r/reference.R FOLDER tests/golden/r/reference.json
#
# Debian 12 has every package: r-cran-plm r-cran-sandwich r-cran-lmtest r-cran-aer r-cran-mass
# r-cran-pscl r-cran-gmm r-cran-clubsandwich r-cran-metafor r-cran-spatialreg r-cran-spdep
# r-cran-jsonlite.

suppressMessages({
  library(plm)
  library(sandwich)
  library(AER)
  library(MASS)
  library(pscl)
  library(gmm)
  library(clubSandwich)
  library(metafor)
  library(spdep)
  library(spatialreg)
})

arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]
output <- arguments[2]
table_of <- function(name) read.csv(file.path(folder, paste0(name, ".csv")))

results <- list()
term_names <- function(names) sub("^\\(Intercept\\)$", "Intercept", names)

# One model: coefficients and standard errors by term, other numbers by name.
keep <- function(id, estimate = NULL, covariance = NULL, ...) {
  stopifnot(is.null(results[[id]]))
  entry <- list()
  if (!is.null(estimate)) entry$estimate <- as.list(setNames(estimate, term_names(names(estimate))))
  if (!is.null(covariance)) {
    errors <- sqrt(diag(covariance))
    if (is.null(names(errors))) names(errors) <- names(estimate)
    entry$std_error <- as.list(setNames(errors, term_names(names(errors))))
  }
  statistics <- lapply(list(...), function(value) unname(as.numeric(value)))
  if (length(statistics)) entry$statistics <- statistics
  results[[id]] <<- entry
}

# ---- plm: estimators -------------------------------------------------------------------------

grunfeld <- table_of("grunfeld")
munnell <- table_of("munnell")
gaps <- table_of("munnell_unbalanced")
wages <- table_of("wages")

investment <- invest ~ value + capital
output_equation <- gsp ~ pcap + pc + emp + unemp
panels <- list(
  grunfeld = list(pdata.frame(grunfeld, c("firm", "year")), investment),
  munnell = list(pdata.frame(munnell, c("state", "year")), output_equation),
  munnell_unbalanced = list(pdata.frame(gaps, c("state", "year")), output_equation)
)

rss <- function(model) sum(residuals(model)^2)

for (name in names(panels)) {
  data <- panels[[name]][[1]]
  equation <- panels[[name]][[2]]
  for (model in c("pooling", "between", "fd")) {
    fitted <- plm(equation, data, model = model)
    keep(paste("plm", model, name, sep = "/"), coef(fitted), vcov(fitted),
         rss = rss(fitted), r_squared = summary(fitted)$r.squared["rsq"],
         adj_r_squared = summary(fitted)$r.squared["adjrsq"])
  }
  for (effect in c("individual", "time", "twoways")) {
    fitted <- plm(equation, data, model = "within", effect = effect)
    test <- pFtest(fitted, plm(equation, data, model = "pooling"))
    keep(paste("plm/within", effect, name, sep = "/"), coef(fitted), vcov(fitted),
         rss = rss(fitted), within_r_squared = summary(fitted)$r.squared["rsq"],
         effects_f = test$statistic, effects_f_df1 = test$parameter[1],
         effects_f_df2 = test$parameter[2], effects_f_p = test$p.value)
  }
  for (method in c("swar", "walhus", "amemiya", "nerlove")) {
    if (method == "nerlove" && name == "munnell_unbalanced") next
    fitted <- plm(equation, data, model = "random", random.method = method)
    theta <- ercomp(fitted)$theta
    keep(paste("plm/random", method, name, sep = "/"), coef(fitted), vcov(fitted),
         sigma2_e = ercomp(fitted)$sigma2["idios"], sigma2_u = ercomp(fitted)$sigma2["id"],
         theta_min = min(theta), theta_max = max(theta),
         r_squared = r.squared(fitted, type = "rss"), wald_chi2 = pwaldtest(fitted)$statistic)
  }
  fitted <- plm(equation, data, model = "random", effect = "time", random.method = "walhus")
  keep(paste("plm/random/time", name, sep = "/"), coef(fitted), vcov(fitted),
       sigma2_e = ercomp(fitted)$sigma2["idios"], sigma2_u = ercomp(fitted)$sigma2["time"])
  if (name != "munnell_unbalanced") {
    fitted <- plm(equation, data, model = "random", effect = "twoways")
    components <- ercomp(fitted)
    keep(paste("plm/random/twoways", name, sep = "/"), coef(fitted), vcov(fitted),
         sigma2_e = components$sigma2["idios"], sigma2_u = components$sigma2["id"],
         sigma2_time = components$sigma2["time"], theta = components$theta$id,
         theta_time = components$theta$time, theta_total = components$theta$total,
         r_squared = r.squared(fitted, type = "rss"), wald_chi2 = pwaldtest(fitted)$statistic)
  }
  fixed <- plm(equation, data, model = "within")
  chosen <- plm(equation, data, model = "random")
  contrast <- phtest(fixed, chosen)
  keep(paste("plm/hausman/contrast", name, sep = "/"), hausman_chi2 = contrast$statistic,
       hausman_df = contrast$parameter, hausman_p = contrast$p.value)
  # In an unbalanced panel plm's auxiliary regression has a plain constant where the transformed
  # model has 1 - theta_i, and so tests another hypothesis; only balanced ones are compared.
  if (name != "munnell_unbalanced") {
    auxiliary <- phtest(equation, data, method = "aux")
    robust <- phtest(equation, data, method = "aux",
                     vcov = function(x) vcovHC(x, method = "arellano", type = "HC0"))
    keep(paste("plm/hausman/regression", name, sep = "/"), hausman_chi2 = auxiliary$statistic,
         hausman_p = auxiliary$p.value)
    keep(paste("plm/hausman/robust", name, sep = "/"), hausman_chi2 = robust$statistic,
         hausman_p = robust$p.value)
  }
  multiplier <- function(effect, type, what = "statistic") {
    plmtest(equation, data, effect = effect, type = type)[[what]]
  }
  keep(paste("plm/lm_tests", name, sep = "/"),
       lm = multiplier("individual", "bp"), lm_time = multiplier("time", "bp"),
       lm_two_way = multiplier("twoways", "bp"), honda = multiplier("individual", "honda"),
       honda_time = multiplier("time", "honda"), honda_two_way = multiplier("twoways", "honda"),
       king_wu = multiplier("twoways", "kw"),
       gourieroux_holly_monfort = multiplier("twoways", "ghm"),
       gourieroux_holly_monfort_p = multiplier("twoways", "ghm", "p.value"))

  # Fama and MacBeth's estimator is the mean-groups one with periods for groups.
  swapped <- pmg(equation, table_of(name), index = rev(names(index(data))), model = "mg")
  keep(paste("plm/fama_macbeth", name, sep = "/"), coef(swapped), vcov(swapped))

  # ---- plm: covariances ----------------------------------------------------------------------
  pooled <- plm(equation, data, model = "pooling")
  models <- list(pooling = pooled, within = fixed, random = chosen)
  for (kind in names(models)) {
    fitted <- models[[kind]]
    label <- function(what) paste("plm", what, kind, name, sep = "/")
    keep(label("arellano_HC0"), coef(fitted), vcovHC(fitted, method = "arellano", type = "HC0"))
    keep(label("arellano_sss"), coef(fitted), vcovHC(fitted, method = "arellano", type = "sss"))
    keep(label("by_time_HC0"), coef(fitted),
         vcovHC(fitted, method = "arellano", type = "HC0", cluster = "time"))
    keep(label("white_HC0"), coef(fitted), vcovHC(fitted, method = "white1", type = "HC0"))
    keep(label("two_way_HC0"), coef(fitted), vcovDC(fitted, type = "HC0"))
    keep(label("newey_west"), coef(fitted), vcovNW(fitted, maxlag = 2, type = "HC0"))
    keep(label("driscoll_kraay"), coef(fitted), vcovSCC(fitted, maxlag = 3, type = "HC0"))
    keep(label("driscoll_kraay_0"), coef(fitted), vcovSCC(fitted, maxlag = 0, type = "HC0"))
    keep(label("driscoll_kraay_sss"), coef(fitted), vcovSCC(fitted, maxlag = 3, type = "sss"))
  }
}

keep("plm/beck_katz/munnell", coef(plm(output_equation, panels$munnell[[1]], model = "pooling")),
     vcovBK(plm(output_equation, panels$munnell[[1]], model = "pooling"), cluster = "time"))

fixed_units <- plm(output_equation, panels$munnell[[1]], model = "within")
both_ways <- plm(output_equation, panels$munnell[[1]], model = "within", effect = "twoways")
test <- pFtest(both_ways, fixed_units)
keep("plm/within/time_given_units/munnell", effects_f = test$statistic,
     effects_f_df1 = test$parameter[1], effects_f_df2 = test$parameter[2], effects_f_p = test$p.value)

men <- pdata.frame(wages, c("nr", "year"))
wage_equation <- lwage ~ expersq + married + hours + union + educ + black |
  expersq + married + hours + black | union + educ
for (method in c("baltagi", "am", "bms")) {
  fitted <- plm(wage_equation, men, model = "random", random.method = "ht", inst.method = method)
  keep(paste("plm/hausman_taylor", method, sep = "/"), coef(fitted), vcov(fitted),
       sigma2_e = ercomp(fitted)$sigma2["idios"], sigma2_u = ercomp(fitted)$sigma2["id"])
}

instrumented <- lwage ~ married + hours + union | married + union + expersq + educ
for (method in c("bvk", "baltagi")) {
  fitted <- plm(instrumented, men, model = "random", inst.method = method)
  keep(paste("plm/random_iv", method, sep = "/"), coef(fitted), vcov(fitted),
       sigma2_e = ercomp(fitted)$sigma2["idios"], sigma2_u = ercomp(fitted)$sigma2["id"])
}

# ---- plm: dynamic panels ---------------------------------------------------------------------

dynamic <- pdata.frame(table_of("dynamic"), c("id", "t"))
difference <- y ~ lag(y, 1) + x + z | lag(y, 2:4) + lag(x, 1:3)
system <- y ~ lag(y, 1) + x | lag(y, 2:4) + lag(x, 2:3)

keep_gmm <- function(id, fitted, robust) {
  covariance <- if (robust) vcovHC(fitted) else vcov(fitted)
  slopes <- intersect(c("lag(y, 1)", "x", "z"), names(coef(fitted))) # no time dummies
  estimate <- coef(fitted)[slopes]
  names(estimate) <- sub("^lag\\(y, 1\\)$", "y1", names(estimate))
  errors <- covariance[slopes, slopes, drop = FALSE]
  dimnames(errors) <- list(names(estimate), names(estimate))
  keep(id, estimate, errors, sargan = sargan(fitted)$statistic,
       sargan_df = sargan(fitted)$parameter,
       m1 = mtest(fitted, order = 1, vcov = covariance)$statistic,
       m2 = mtest(fitted, order = 2, vcov = covariance)$statistic,
       wald = pwaldtest(fitted, param = "coef", vcov = covariance)$statistic)
}

# The one-step vcov() of pgmm leaves the residual variance out, so only its robust one is compared.
for (steps in c("onestep", "twosteps")) {
  for (robust in c(TRUE, FALSE)) {
    if (steps == "onestep" && !robust) next
    suffix <- paste(steps, if (robust) "robust" else "classical", sep = "/")
    for (effect in c("individual", "twoways")) {
      fitted <- pgmm(difference, dynamic, effect = effect, model = steps, transformation = "d")
      keep_gmm(paste("pgmm/difference", effect, suffix, sep = "/"), fitted, robust)
    }
    fitted <- pgmm(difference, dynamic, effect = "individual", model = steps,
                   transformation = "d", collapse = TRUE)
    keep_gmm(paste("pgmm/collapsed", suffix, sep = "/"), fitted, robust)
    # pgmm of this version has an argument fsm but never reads it: the start is always "full".
    for (effect in c("individual", "twoways")) {
      fitted <- pgmm(system, dynamic, effect = effect, model = steps, transformation = "ld")
      keep_gmm(paste("pgmm/system", effect, suffix, sep = "/"), fitted, robust)
    }
    fitted <- pgmm(system, dynamic, effect = "individual", model = steps, transformation = "ld",
                   collapse = TRUE)
    keep_gmm(paste("pgmm/system/collapsed", suffix, sep = "/"), fitted, robust)
    fitted <- pgmm(y ~ lag(y, 1) + x + z | lag(y, 2:4) + lag(x, 2:3) | z, dynamic,
                   effect = "individual", model = steps, transformation = "ld")
    keep_gmm(paste("pgmm/system/normal_instrument", suffix, sep = "/"), fitted, robust)
    fitted <- pgmm(y ~ lag(y, 1) + x | lag(y, 2:99) + lag(x, 0:1), dynamic,
                   effect = "individual", model = steps, transformation = "d")
    keep_gmm(paste("pgmm/difference/all_lags", suffix, sep = "/"), fitted, robust)
  }
}

# ---- sandwich: covariances of least squares --------------------------------------------------

school <- table_of("card")
earnings <- lm(lwage ~ educ + exper + black + smsa + south, data = school)
for (kind in c("HC0", "HC1", "HC2", "HC3")) {
  covariance <- vcovHC(earnings, type = kind)
  keep(paste("sandwich", kind, sep = "/"), coef(earnings), covariance,
       p_south = coeftest(earnings, vcov. = covariance)["south", 4],
       low_south = coefci(earnings, "south", vcov. = covariance)[1],
       high_south = coefci(earnings, "south", vcov. = covariance)[2])
}
for (kind in c("HC0", "HC1", "HC2", "HC3")) {
  for (adjusted in c(TRUE, FALSE)) {
    keep(paste("sandwich/cluster", kind, adjusted, sep = "/"), coef(earnings),
         vcovCL(earnings, cluster = ~region, type = kind, cadjust = adjusted))
  }
}
states <- lm(output_equation, data = gaps)
for (kind in c("HC0", "HC1")) {
  for (adjusted in c(TRUE, FALSE)) {
    keep(paste("sandwich/two_way", kind, adjusted, sep = "/"), coef(states),
         vcovCL(states, cluster = ~ state + year, type = kind, cadjust = adjusted))
  }
  keep(paste("sandwich/two_way_multi0", kind, sep = "/"), coef(states),
       vcovCL(states, cluster = ~ state + year, type = kind, multi0 = TRUE))
}
weighted <- lm(lwage ~ educ + exper + black, data = school, weights = exper + 1)
for (kind in c("HC0", "HC1", "HC2", "HC3")) {
  keep(paste("sandwich/weighted", kind, sep = "/"), coef(weighted), vcovHC(weighted, type = kind))
}
keep("sandwich/weighted/cluster", coef(weighted), vcovCL(weighted, cluster = ~region, type = "HC1"))
# Effects written out as dummies, whose coefficients are not compared.
slopes_of <- function(id, fitted, covariance, ...) {
  slopes <- !grepl("Intercept|factor", names(coef(fitted)))
  keep(id, coef(fitted)[slopes], covariance[slopes, slopes], ...)
}
dummies <- lm(gsp ~ pcap + pc + emp + unemp + factor(state) + factor(year), data = gaps)
for (kind in c("HC0", "HC1", "HC2", "HC3")) {
  slopes_of(paste("sandwich/dummies", kind, sep = "/"), dummies, vcovHC(dummies, type = kind),
            log_likelihood = logLik(dummies), r_squared = summary(dummies)$r.squared)
}
slopes_of("sandwich/dummies/cluster", dummies,
          vcovCL(dummies, cluster = gaps$state, type = "HC1"))
slopes_of("sandwich/dummies/two_way", dummies,
          vcovCL(dummies, cluster = gaps[, c("state", "year")], type = "HC1"))
regions <- ivreg(lwage ~ educ + exper + black + factor(region) |
                   . - educ + nearc4 + nearc2, data = school)
slopes_of("ivreg/dummies/HC1", regions, vcovHC(regions, type = "HC1"))

# clubSandwich's CR3 of weighted least squares; its CR2 of the regression multiplied by the roots of
# the weights (with weights given as such it takes other square roots of the adjustment).
root <- sqrt(school$exper + 1)
multiplied <- with(school, data.frame(lwage = root * lwage, Intercept = root, educ = root * educ,
                                      exper = root * exper, black = root * black))
rooted <- lm(lwage ~ 0 + Intercept + educ + exper + black, data = multiplied)
keep("clubSandwich/CR2", coef(rooted), vcovCR(rooted, cluster = school$region, type = "CR2"))
keep("clubSandwich/CR3", coef(weighted), vcovCR(weighted, cluster = school$region, type = "CR3"))
# vcovPC takes the rows of a balanced panel to be sorted by unit, whatever their labels say.
full_states <- lm(output_equation, data = munnell[order(munnell$state, munnell$year), ])
for (adjusted in c(TRUE, FALSE)) {
  keep(paste("sandwich/panel_newey_west", adjusted, sep = "/"), coef(full_states),
       vcovPL(full_states, cluster = ~ state, order.by = ~ year, lag = 3, aggregate = FALSE,
              adjust = adjusted))
  keep(paste("sandwich/driscoll_kraay", adjusted, sep = "/"), coef(full_states),
       vcovPL(full_states, cluster = ~ state, order.by = ~ year, lag = 3, aggregate = TRUE,
              adjust = adjusted))
}
keep("sandwich/pcse/balanced", coef(full_states),
     vcovPC(full_states, cluster = ~ state, order.by = ~ year))
entrants <- gaps[gaps$state %in% sort(unique(gaps$state))[c(1, 2, 5, 6, 9, 12)], ]
few <- lm(gsp ~ pc + emp + unemp, data = entrants)
keep("sandwich/pcse/pairwise", coef(few),
     vcovPC(few, cluster = ~ state, order.by = ~ year, pairwise = TRUE))

growth <- lm(consumption ~ income + prices, data = table_of("macro"))
for (lags in c(0, 4, 8)) {
  keep(paste("sandwich/newey_west", lags, sep = "/"), coef(growth),
       NeweyWest(growth, lag = lags, prewhite = FALSE, adjust = FALSE))
}
keep("sandwich/newey_west_adjusted", coef(growth),
     NeweyWest(growth, lag = 4, prewhite = FALSE, adjust = TRUE))
for (kernel in c("Bartlett", "Parzen", "Truncated")) {
  # Bandwidth 5 gives lags 0..4 their weights k(j/5); the truncated kernel counts up to its own.
  width <- if (kernel == "Truncated") 4 else 5
  keep(paste("sandwich/kernel", kernel, sep = "/"), coef(growth),
       kernHAC(growth, kernel = kernel, bw = width, prewhite = FALSE, adjust = FALSE))
}

# ---- AER: instruments ------------------------------------------------------------------------

just <- ivreg(lwage ~ educ + exper + black + smsa + south | . - educ + nearc4, data = school)
over <- ivreg(lwage ~ educ + exper + black + smsa + south | . - educ + nearc4 + nearc2,
              data = school)
for (name in c("just", "over")) {
  fitted <- get(name)
  tests <- summary(fitted, diagnostics = TRUE)$diagnostics
  keep(paste("ivreg", name, "classical", sep = "/"), coef(fitted), vcov(fitted),
       first_stage_f = tests["Weak instruments", "statistic"],
       wu_hausman = tests["Wu-Hausman", "statistic"], wu_hausman_p = tests["Wu-Hausman", "p-value"],
       rss = rss(fitted), r_squared_structural = summary(fitted)$r.squared)
  keep(paste("ivreg", name, "HC0", sep = "/"), coef(fitted), vcovHC(fitted, type = "HC0"))
  keep(paste("ivreg", name, "HC1", sep = "/"), coef(fitted), vcovHC(fitted, type = "HC1"))
  keep(paste("ivreg", name, "cluster", sep = "/"), coef(fitted),
       vcovCL(fitted, cluster = ~region, type = "HC1"))
}
tests <- summary(over, diagnostics = TRUE)$diagnostics
keep("ivreg/over/sargan", sargan = tests["Sargan", "statistic"], sargan_df = tests["Sargan", "df1"],
     sargan_p = tests["Sargan", "p-value"])

for (type in c("twoStep", "iterative")) {
  fitted <- gmm(lwage ~ educ + exper + black + smsa + south,
                ~ exper + black + smsa + south + nearc4 + nearc2, data = school, type = type,
                vcov = "MDS", centeredVcov = FALSE, crit = 1e-14, itermax = 1000)
  test <- specTest(fitted)$test
  keep(paste("gmm", type, sep = "/"), coef(fitted), NULL, hansen = test[1], hansen_p = test[2])
}

# ---- counts ----------------------------------------------------------------------------------

visits <- table_of("counts")
# glm stops on the deviance, which is flat at its minimum: starting again there adds the last steps.
polished <- function(equation, family, data) {
  control <- glm.control(epsilon = 1e-14, maxit = 100)
  first <- glm(equation, family, data, control = control)
  second <- glm(equation, family, data, control = control, start = coef(first))
  glm(equation, family, data, control = control, start = coef(second))
}
poisson_fit <- polished(y ~ x + d + offset(log_exposure), poisson, visits)
keep("glm/poisson/classical", coef(poisson_fit), vcov(poisson_fit),
     log_likelihood = logLik(poisson_fit), deviance = deviance(poisson_fit), aic = AIC(poisson_fit))
keep("glm/poisson/hc0", coef(poisson_fit), sandwich(poisson_fit))
keep("glm/poisson/hc1", coef(poisson_fit), vcovHC(poisson_fit, type = "HC1"))
keep("glm/poisson/cluster", coef(poisson_fit),
     vcovCL(poisson_fit, cluster = visits$group, type = "HC1"))
dispersed <- polished(y ~ x + d + offset(log_exposure), quasipoisson, visits)
grouped <- polished(y ~ x + d + factor(group), poisson, visits)
slopes_of("glm/dummies/classical", grouped, vcov(grouped), log_likelihood = logLik(grouped))
slopes_of("glm/dummies/cluster", grouped, vcovCL(grouped, cluster = visits$group, type = "HC1"))
keep("glm/quasipoisson", coef(dispersed), vcov(dispersed),
     dispersion = summary(dispersed)$dispersion)

visits$any <- as.numeric(visits$y > 0)
logit <- polished(any ~ x + d, binomial, visits)
keep("glm/logit/classical", coef(logit), vcov(logit), log_likelihood = logLik(logit),
     aic = AIC(logit))
keep("glm/logit/hc0", coef(logit), sandwich(logit))
keep("glm/logit/cluster", coef(logit), vcovCL(logit, cluster = visits$group, type = "HC1"))
# Links that are not canonical: glm has the expected information, which other programs do not use.
for (link in c("probit", "cloglog")) {
  fitted <- polished(any ~ x + d, binomial(link), visits)
  keep(paste("glm", link, sep = "/"), coef(fitted), NULL, log_likelihood = logLik(fitted),
       aic = AIC(fitted))
}

negative_binomial <- glm.nb(y ~ x + d + offset(log_exposure), visits,
                            control = glm.control(epsilon = 1e-14, maxit = 500))
# Its standard error of theta is of the iteration before the last; theta.ml goes on to the end.
theta <- theta.ml(visits$y, fitted(negative_binomial), limit = 100, eps = 1e-13)
keep("glm.nb/expected", coef(negative_binomial), vcov(negative_binomial),
     theta = theta, theta_std_error = attr(theta, "SE"),
     log_likelihood = logLik(negative_binomial), deviance = deviance(negative_binomial),
     aic = AIC(negative_binomial))

tight <- hurdle.control(reltol = .Machine$double.eps, maxit = 100000)
count_part <- function(names) {
  sub("^(count|zero)_", "\\1: ", sub("\\(Intercept\\)", "Intercept", names))
}
for (distribution in c("poisson", "negbin")) {
  for (link in c("logit", "probit", "cloglog")) {
    fitted <- hurdle(y ~ x + d | x, visits, dist = distribution, link = link, control = tight)
    extra <- if (distribution == "negbin") list(theta = fitted$theta) else list()
    estimate <- setNames(coef(fitted), count_part(names(coef(fitted))))
    covariance <- vcov(fitted)
    dimnames(covariance) <- list(names(estimate), names(estimate))
    do.call(keep, c(list(paste("hurdle", distribution, link, sep = "/"), estimate, covariance,
                         log_likelihood = logLik(fitted)), extra))
  }
}
exact <- zeroinfl.control(reltol = .Machine$double.eps, maxit = 100000)
for (distribution in c("poisson", "negbin")) {
  fitted <- zeroinfl(y ~ x + d + offset(log_exposure) | x, visits, dist = distribution,
                     control = exact)
  extra <- if (distribution == "negbin") list(theta = fitted$theta) else list()
  estimate <- setNames(coef(fitted), count_part(names(coef(fitted))))
  covariance <- vcov(fitted)
  dimnames(covariance) <- list(names(estimate), names(estimate))
  do.call(keep, c(list(paste("zeroinfl", distribution, sep = "/"), estimate, covariance,
                       log_likelihood = logLik(fitted), aic = AIC(fitted)), extra))
}

# ---- metafor: synthesis ----------------------------------------------------------------------

trials <- table_of("trials")
keep_synthesis <- function(id, fitted) {
  names <- ifelse(rownames(coef(summary(fitted))) == "intrcpt", "Intercept",
                  rownames(coef(summary(fitted))))
  estimate <- setNames(as.numeric(fitted$beta), names)
  covariance <- vcov(fitted)
  dimnames(covariance) <- list(names, names)
  statistics <- list(tau2 = fitted$tau2, q = fitted$QE, q_p = fitted$QEp, i2 = fitted$I2,
                     h2 = fitted$H2,
                     tau2_std_error = if (fitted$method != "SJ") fitted$se.tau2,
                     ci_low = fitted$ci.lb[1], ci_high = fitted$ci.ub[1],
                     log_likelihood = logLik(fitted))
  if (length(estimate) == 1) {
    interval <- predict(fitted)
    statistics$prediction_low <- interval$pi.lb
    statistics$prediction_high <- interval$pi.ub
  } else {
    statistics$qm <- fitted$QM
    statistics$qm_p <- fitted$QMp
    statistics$r2 <- fitted$R2
  }
  statistics <- Filter(function(value) !is.null(value) && !is.na(value), statistics)
  do.call(keep, c(list(id, estimate, covariance), statistics))
}
tight <- list(threshold = 1e-14, maxiter = 10000, tol = 1e-13)
for (method in c("EE", "DL", "HE", "SJ", "ML", "REML", "EB", "PM")) {
  for (test in c("z", "knha")) {
    if (method == "EE" && test == "knha") next
    keep_synthesis(paste("rma", method, test, sep = "/"),
                   rma(effect, variance, data = trials, method = method, test = test,
                       control = tight))
    if (method == "EE") next
    keep_synthesis(paste("rma/moderated", method, test, sep = "/"),
                   rma(effect, variance, mods = ~year, data = trials, method = method, test = test,
                       control = tight))
  }
}
intervals <- confint(rma(effect, variance, data = trials, method = "REML"),
                     control = list(tol = 1e-13, maxiter = 10000, tau2.max = 10))$random["tau^2", ]
keep("rma/q_profile", tau2_ci_low = intervals["ci.lb"], tau2_ci_high = intervals["ci.ub"])
for (test in c("t", "adhoc")) {
  keep_synthesis(paste("rma/REML", test, sep = "/"),
                 rma(effect, variance, data = trials, method = "REML", test = test,
                     control = tight))
}
cells <- table_of("cells")
for (measure in c("RR", "OR", "RD")) {
  keep_synthesis(paste("rma/cells", measure, sep = "/"),
                 rma(ai = a, bi = b, ci = c, di = d, data = cells, measure = measure,
                     method = "REML", control = tight))
}
rank <- ranktest(rma(effect, variance, data = trials, method = "EE"), exact = TRUE)
keep("ranktest", tau = rank$tau, p = rank$pval)
egger <- regtest(rma(effect, variance, data = trials, method = "DL"), model = "lm")
keep("regtest/lm", z = egger$zval, p = egger$pval)

# ---- spatialreg, spdep -----------------------------------------------------------------------

lattice <- table_of("lattice")
links <- table_of("lattice_links")
neighbours <- lapply(lattice$cell, function(cell) links$to[links$from == cell] + 1L)
class(neighbours) <- "nb"
attr(neighbours, "region.id") <- as.character(lattice$cell)
weights <- nb2listw(neighbours, style = "W")
equation <- y ~ x1 + x2
plain <- lm(equation, lattice)
moran <- lm.morantest(plain, weights)
tests <- lm.LMtests(plain, weights, test = "all")
keep("spdep/tests", moran_i = moran$estimate[1], moran_expectation = moran$estimate[2],
     moran_variance = moran$estimate[3], moran_z = moran$statistic, moran_p = moran$p.value,
     lm_error = tests$LMerr$statistic, lm_error_p = tests$LMerr$p.value,
     lm_lag = tests$LMlag$statistic, lm_lag_p = tests$LMlag$p.value,
     robust_lm_error = tests$RLMerr$statistic, robust_lm_lag = tests$RLMlag$statistic,
     lm_sarma = tests$SARMA$statistic, lm_sarma_p = tests$SARMA$p.value)

for (random in c(TRUE, FALSE)) {
  test <- moran.test(lattice$y, weights, randomisation = random, alternative = "two.sided")
  keep(paste("spdep/moran", if (random) "randomisation" else "normality", sep = "/"),
       moran_i = test$estimate[1], expectation = test$estimate[2], variance = test$estimate[3],
       z = test$statistic, p_value = test$p.value)
}

keep_spatial <- function(id, fitted, parameter, ...) {
  value <- fitted[[parameter]]
  estimate <- c(coef(fitted)[names(coef(fitted)) != parameter], setNames(value, parameter))
  names(estimate) <- sub("^lag\\.\\(?", "W.", names(estimate))
  errors <- c(fitted$rest.se, fitted[[paste0(parameter, ".se")]])
  covariance <- diag(errors^2)
  dimnames(covariance) <- list(names(estimate), names(estimate))
  keep(id, estimate, covariance, sigma2 = fitted$s2, log_likelihood = logLik(fitted),
       aic = AIC(fitted), ...)
}
precise <- list(tol.opt = 1e-14)
lag_model <- lagsarlm(equation, lattice, weights, control = precise)
durbin_model <- lagsarlm(equation, lattice, weights, Durbin = TRUE, control = precise)
error_model <- errorsarlm(equation, lattice, weights, control = precise)
durbin_error_model <- errorsarlm(equation, lattice, weights, Durbin = TRUE, control = precise)
average <- function(fitted) {
  exact <- impacts(fitted, listw = weights)
  as.list(c(direct_x1 = exact$direct[1], direct_x2 = exact$direct[2],
            indirect_x1 = exact$indirect[1], indirect_x2 = exact$indirect[2],
            total_x1 = exact$total[1], total_x2 = exact$total[2]))
}
do.call(keep_spatial, c(list("spatialreg/lag", lag_model, "rho"), average(lag_model)))
do.call(keep_spatial, c(list("spatialreg/durbin", durbin_model, "rho"), average(durbin_model)))
keep_spatial("spatialreg/error", error_model, "lambda")
keep_spatial("spatialreg/durbin_error", durbin_error_model, "lambda")
slx_model <- lmSLX(equation, lattice, weights)
slope <- coef(slx_model)
names(slope) <- sub("^lag\\.", "W.", names(slope))
covariance <- vcov(slx_model)
dimnames(covariance) <- list(names(slope), names(slope))
keep("spatialreg/slx", slope, covariance)
two_stage <- stsls(equation, lattice, weights)
estimate <- coef(two_stage)
names(estimate) <- sub("^Rho$", "rho", names(estimate))
keep("spatialreg/stsls", estimate, two_stage$var)
robust_two_stage <- stsls(equation, lattice, weights, robust = TRUE, HC = "HC0")
keep("spatialreg/stsls_hc0", estimate, robust_two_stage$var)

# Weights that are not symmetric, and weights that are not row-standardised.
places <- as.matrix(lattice[, c("east", "north")])
nearest <- nb2listw(knn2nb(knearneigh(places, k = 5)), style = "W")
band <- nb2listw(dnearneigh(places, 0, 1.9), style = "B")
distances <- nbdists(dnearneigh(places, 0, 3), places)
inverse <- nb2listw(dnearneigh(places, 0, 3), glist = lapply(distances, function(d) d^-2),
                    style = "W")
for (kind in c("nearest", "band", "inverse")) {
  matrix <- get(kind)
  keep_spatial(paste("spatialreg/lag", kind, sep = "/"),
               lagsarlm(equation, lattice, matrix, control = precise), "rho")
  keep_spatial(paste("spatialreg/error", kind, sep = "/"),
               errorsarlm(equation, lattice, matrix, control = precise), "lambda")
  moran <- lm.morantest(plain, matrix)
  tests <- lm.LMtests(plain, matrix, test = c("LMerr", "LMlag", "RLMerr", "RLMlag"))
  keep(paste("spdep/tests", kind, sep = "/"), moran_i = moran$estimate[1],
       moran_expectation = moran$estimate[2], moran_variance = moran$estimate[3],
       lm_error = tests$LMerr$statistic, lm_lag = tests$LMlag$statistic,
       robust_lm_error = tests$RLMerr$statistic, robust_lm_lag = tests$RLMlag$statistic)
}
moments <- GMerrorsar(equation, lattice, weights)
keep("spatialreg/gm_error", coef(moments)[names(coef(moments)) != "lambda"], NULL,
     lambda = moments$lambda)

# ---- output ----------------------------------------------------------------------------------

packages <- c("plm", "sandwich", "lmtest", "AER", "MASS", "pscl", "gmm", "clubSandwich",
              "metafor", "spdep", "spatialreg")
versions <- c(R = as.character(getRversion()),
              sapply(packages, function(name) as.character(packageVersion(name))))
digests <- read.table(file.path(folder, "sha256.txt"), col.names = c("sha256", "table"))
writeLines(jsonlite::toJSON(
  list(versions = as.list(versions), sha256 = as.list(setNames(digests$sha256, digests$table)),
       results = results[order(names(results), method = "radix")]),
  auto_unbox = TRUE, digits = NA, pretty = TRUE), output)
cat(length(results), "results\n")
