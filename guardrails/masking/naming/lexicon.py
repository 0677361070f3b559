"""The words of column and table names, by what they say. Lower case, without accents, in many languages.

A word may stand under several headings (German ``post`` is an address, English ``post`` is a message): the headings are
evidence, and `names` weighs them together with the words beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# English, German, French, Spanish, Italian, Portuguese, Dutch, then Nordic, Polish, Czech, Turkish, Romanised others.
_HEADINGS: Final = {
    # --- words that name a class by themselves
    "email": """
        email emails mail mails emailadres emailadresse emailaddress mailadresse mailaddress courriel courriels correo
        correos epost eposta epostadress epostadresse posta indirizzoemail eml emailid smtp smtpaddr courrielpro
        emailprivat emailpro adresmail adresemail emailto mailto recipientemail
    """,
    "phone": """
        phone phones telephone telephones cellphone mobile mobil mobiltelefon mobilnummer handy handynummer handynr
        telefon telefono telefones telefone telefoon telefoonnummer telephonenumber telefonnummer telefonnr telnr
        rufnummer festnetz celular movil gsm fax faxnummer faxnumber telefax faxno telefaks msisdn whatsapp mobilephone
        homephone workphone phonenumber phoneno phonenum landline tlf tlfn tfno tlfno telno puhelin telefonszam
        numertelefonu cellulare gsmnummer mobieltje mobiel telf dianhua shouji denwa sdt dienthoai cell tel portable
        voip contactno contactnumber callernumber mobileno mobilnr ringnumber ceptelefonu ceptel cep telefonkom telkom
        telefonkomorkowy komorka komorkowy komorkowe telmobile telfixe telefonofijo telefonomovil telefoonprive
        noodnummer mobielnummer handphone telephoneno wechat viber numeroportable numerotelephone teldomicile telprof
        telpro notruf notrufnummer diensttelefon
    """,
    "person": """
        firstname lastname surname surnames fullname forename forenames givenname familyname middlename maidenname
        nickname fname lname mname firstnames lastnames vorname vornamen nachname nachnamen familienname rufname
        geburtsname zuname prenom prenoms nomfamille patronyme apellido apellidos nombres cognome cognomi sobrenome
        apelido apelidos voornaam voornamen achternaam tussenvoegsel roepnaam fornamn efternamn fornavn efternavn
        etternavn imie imiona nazwisko jmeno prijmeni soyad soyadi etunimi sukunimi keresztnev vezeteknev familiya imya
        otchestvo xingming shimei kanji furigana gname sname givennames ragionesociale prenume hoten displayname
        legalname prefname knownas holdername cardholder accountholder payee payer beneficiary initials adsoyad titular
        usernamereal realname personname custname patientname customername nominee counterpartyname patronname
        drugieimie imienazwisko nazwiskorodowe nazwiskopanienskie imieojca imiematki nompere nommere nomusage
        nomnaissance nomjeunefille primerapellido segundoapellido primernombre segundonombre nombrecompleto nomecognome
        nomecompleto nomemae nomepai fornavne mellomnavn mellannamn tilltalsnamn kontoinhaber karteninhaber embossname
        fstnm lstnm parrain tutorname voorletters meisjesnaam
    """,
    "address": """
        address addresses addr adresse adressen anschrift wohnanschrift lieferadresse rechnungsadresse strasse
        hausnummer hausnr street streetaddress streetname streetno housenumber houseno housenum apartment rue numrue
        complementadresse direccion direcciones domicilio calle indirizzo indirizzi numerocivico endereco enderecos rua
        logradouro morada bairro adres straat straatnaam huisnummer huisnr huisletter gatuadress gata gateadresse vej
        ulica ulice sokak mahalle utca katuosoite osoite dizhi jusho diachi residence domicile domicilie wohnsitz
        addressline mailingaddress homeaddress postaladdress pobox postfach postanschrift alamat adresszusatz
        crossstreet str adr apt voie neighborhood colonia stras afleveradres bezorgadres factuuradres woonadres
        toevoeging huisnummertoevoeging adreszamieszkania adreskorespondencyjny nrdomu nrlokalu zamieszkania
        zameldowania mieszkanie adresselivraison adressefacturation adressepostale lieudit numerovoie complementadr
        domicilioparticular domiciliofiscal indirizzoresidenza residenza numerocasa complemento bostad leveringsadresse
        besoegsadresse postadres hsnr pickupaddress dropoffaddress deliveryaddress shippingaddress billingaddress
        addressln addrln
    """,
    "postal": """
        zip zipcode zipcodes postcode postcodes postalcode postleitzahl plz postnummer postnr codepostal codpostal
        codigopostal codicepostale pincode kodpocztowy psc postkod postinumero postalcodes eircode pstlz pstcd pstcode
        postcd zipcd cp codepost codpost kodpoczt codigopost
    """,
    "geo": """
        latitude longitude lat lng lon long geo geolocation geopoint geom gps coordinates coords coordonnees koordinaten
        latlng latlong latlon coordenadas coordinate wspolrzedne breedtegraad lengtegraad breitengrad laengengrad
    """,
    "ssn": """
        ssn socialsecurity socialsecuritynumber socsec ssnumber soc ssno
    """,
    "national_id": """
        nationalid passport passports passportnumber passportno passeport pasaporte passaporto passaporte reisepass
        paspoort paspoortnummer passnummer nhs nhsnumber nino cpf dni nif curp codicefiscale codfiscale codfisc nir
        insee bsn burgerservicenummer steuerid steueridnr steuernummer steuernr taxid taxnumber taxno itin aadhaar
        aadhar tfn personnummer personnr fodselsnummer cprnummer cpr pesel cnp rodnecislo tckimlik tcno henkilotunnus
        personalausweis ausweisnummer ausweisnr ausweis fuehrerschein fuhrerschein fuehrerscheinnummer permisconduire
        driverslicense driverlicense driverslicence drivinglicence licencenumber licensenumber sozialversicherungsnummer
        svnr svnummer rvnr rentenversicherungsnummer numsecu numsecusociale numerosecu cedula identitycard
        identitaetsnummer idcard idnumber nationalinsurance ahv ahvnr ppsn nrn rijksregisternummer rijksregister cnic
        nric ktp npwp emiratesid shenfenzheng mynumber cccd cmnd pancard nuip citizenid govid governmentid visanumber
        tin sin rg pan nie permis avs rut voterid ninumber ninum tckimlikno tckn pnr tesserasanitaria nrdowodu
        numerdowodu dowodosobisty seriadowodu paszport nip numernip rijbewijsnummer rijbewijsnr numpasseport
        numeropasaporte numafiliacion nafiliacion numerosegsocial afiliacionss numeropermis passnr passno nrpaszportu
        sozialversicherungsnr sozversnr rentenversnr steuerident taxpayerid taxident taxidno nationalinsuranceno
        healthcardno driverlic licno dlno dlnumber carteidentite cni numerocni cartaidentita numerodocumento nrdocumento
    """,
    "birth": """
        dob birthdate birthday birthdt birth birthyear born bday bdate geburtsdatum geburtstag gebdatum gebdat geb
        geburt geboren geburtsjahr naissance datenaissance ddn nacimiento fechanacimiento nacido fecnac nascita
        datanascita nascimento datanascimento dtnasc nasc geboortedatum geboorte geboortejaar fodselsdato fodelsedatum
        fodseldato fodelsedag urodzenia dataurodzenia narozeni dogum dogumtarihi syntymaaika szuletesi shengri tanjoubi
        ngaysinh yob dateofbirth foedselsdato fodselsdag dataur datanaroz fecnacimiento fechanac fecnacim nacimto
        geboortedat geburtsdat gebdt dtnaissance datenaiss naiss datnaiss brthdt datadenascimento fodt
    """,
    "card": """
        creditcard creditcards creditcardnumber cardnumber cardno cardnum ccnum ccnumber ccno cc cardpan kreditkarte
        kreditkartennummer kartennummer kartennr cartebancaire cartecredit numerocarte tarjeta numerotarjeta
        cartadicredito cartacredito cartao numerocartao kaartnummer creditcardnr kortnummer numerkarty debitcard
        paymentcard pannumber cardnr numcarte kreditkartennr
    """,
    "iban": "iban ibannummer ibannumber ibannr",
    "account": """
        accountnumber accountno accountnum acctnum acctno acct acctnumber bankaccount bankaccountnumber kontonummer
        kontonr konto bankverbindung numerocuenta cuentabancaria numerocompte comptebancaire rekeningnummer banknummer
        contocorrente mrn medicalrecordnumber medrec hospitalnumber nss versichertennummer versicherungsnummer versnr
        policynumber policyno insuranceid insurancenumber subscriberid beneficiaryid username usernames userlogin
        loginname benutzername nomutilisateur utilisateur usuario nomeutente utente gebruikersnaam anvandarnavn
        brukernavn brugernavn screenname twitterhandle userprincipalname upn sam samaccountname npi bitcoin
        walletaddress sortcode ibannumber routingaccount accessionnumber userhandle handle login wallet ccc nicename
        nutzername kontonavn accession accessionno kto ktonr nrkonta numerkonta nrrachunku numerrachunku rachunek
        rekeningnr contono accountnr accno policynr polisnummer polissnummer numeropoliza numpoliza poliza numeropolice
        contractno versicherungsscheinnummer dossiernummer versicherungsscheinnr medicalrecordno chartno chartnumber
        barcodeno adherentno cif cifno loginid usercode anmeldename ssoid
    """,
    "member": """
        patientnumber patientno patientennummer patnr fallnummer aufnahmenummer membernumber memberno membershipnumber
        mitgliedsnummer loyaltynumber frequentflyer studentnumber studentno matrikelnummer matrnr matricola
        personalnummer personalnr employeenumber employeeno badge badgenumber rollno rollnumber customernumber
        customerno kundennummer kundennr kdnr numeroclient numclient numerocliente klantnummer personeelsnummer kundnr
        kundnummer lidnummer numeroadherent numerosocio clientno clientnumber kunnr lifnr pernr patronno matricule
        matriculas nmatricula expediente numeroexpediente numerodossier aktenzeichen nralbumu nrpacjenta numerpacjenta
        personalno persnr staffno staffnumber payrollno payrollnumber loyaltyno librarycard klantnr lidnr patientnr
        personeelsnr debiteurnummer debitorennummer debitornr mitarbeiternr mitarbeiternummer schuelernummer
    """,
    "ip": """
        ip ipaddress ipaddr ipaddresses ipadresse adresseip direccionip indirizzoip ipadres clientip remoteip
        remoteaddr sourceip ips
    """,
    "mac": "mac macaddress macaddr macadresse",
    "device": """
        imei imsi udid idfa gaid adid androidid deviceid advertisingid deviceserial deviceuuid vin licenseplate
        licenceplate platenumber numberplate registrationplate kennzeichen immatriculation targa matricula kenteken
        nummerplade fingerprint browserfingerprint iccid simserial pushtoken devicetoken fahrgestellnummer plate chassis
        fahrzeugidentnummer fahrzeugidentnr nrrejestracyjny numerrejestracyjny matriculavehiculo vehicleplate plateno
        serialnumber hardwareid macimei wifiaddr bssid
    """,
    "url": """
        url urls website websites homepage webseite siteweb sitio sitoweb web link weburl linkedin facebook instagram
        twitter profileurl blog github avatarurl avatar avatars photourl pictureurl imageprofile profilepicture
        profilephoto portfolio permalink stronawww tiktok
    """,
    "health": """
        diagnosis diagnoses diagnose diagnosen dx icd disease diseases illness comorbidity comorbidities symptom
        symptoms allergy allergies allergen medication medications medicine medicines drug drugs dosage prescription rx
        treatment treatments therapy bloodtype bloodgroup blutgruppe bloodpressure blutdruck systolic diastolic hiv
        glucose hba1c cholesterol heartrate pulse disability disabilities pregnancy pregnant smoker smoking vaccination
        vaccine immunization krankheit befund befunde medikament medikamente symptome allergie allergien behandlung
        therapie diagnostic maladie medicament traitement groupesanguin antecedents handicap diagnostico enfermedad
        sintomas alergia alergias medicamento medicamentos tratamiento gruposanguineo discapacidad diagnosi malattia
        farmaco farmaci terapia allergia grupposanguigno doenca remedio tratamento gruposanguinio deficiencia aandoening
        ziekte medicatie bloedgroep behandeling mortality deceased died deathdate causeofdeath todesursache sterbedatum
        psychiatric hemoglobin surgery operation impairment kangrubu rozpoznanie choroba leki sykdom sygdom sjukdom
        prognosis histology biopsy genotype genome mutation tumor tumour cancer covid hivstatus antibody anamnese
        condition conditions patologia patologie patologias injury injuries wound wounds ailment ailments sickness sick
        sickleave sickdays medical clinical vitals vital anamnesis pathology pathologies allergens intolerance
        intolerances dietary diet bps bpd bp sbp dbp spo2 krankmeldung krankenstand krankheitstage krankheiten
        erkrankung erkrankungen fehlzeit schwerbehindert schwerbehinderung behinderung behinderungsgrad verletzung
        verletzungen medikation unvertraeglichkeit unvertraeglichkeiten ziek ziekmelding ziekteverzuim verzuim letsel
        klachten allergieen beperking arretmaladie invalidite blessure maladies ordonnance bajamedica lesion lesiones
        enfermedades minusvalia discapacitado malattie infortunio invalidita disabilita doencas lesao alergie choroby
        niepelnosprawnosc niepelnosprawny grupakrwi leczenie zwolnienielekarskie sjukskrivning sygemelding sykemelding
        hastalik engellilik
    """,
    "body": """
        weight height gewicht groesse poids taille peso altura bmi vitals vital temperature respiration waist waga
        wzrost vaegt vikt laengd
    """,
    "money": """
        salary salaries wage wages income earnings payrate hourlyrate compensation networth creditlimit creditscore
        gehalt lohn einkommen jahresgehalt stundenlohn bruttogehalt nettogehalt kontostand kreditlimit schulden
        vermoegen vermogen salaire salaires revenu revenus remuneration solde dette salario sueldo ingresos ingreso
        nomina saldo deuda limitecredito stipendio reddito retribuzione debito renda rendimento ordenado divida salaris
        loon inkomen maandloon schuld kredietlimiet lonn palkka wynagrodzenie pensja mzda balance debt debts mortgage
        alimony pension annualincome monthlyincome stipend payroll taxableincome agi bonus commission rent plafond bal
        pledge pledges pay grosspay netpay grosssalary netsalary basesalary basepay hourlypay hourlywage paycheck payout
        payouts payoff arrears owed fines liabilities severance dividends benefitamount disposableincome householdincome
        familyincome bruttolohn nettolohn grundgehalt grundlohn monatsgehalt monatslohn stundensatz verdienst verguetung
        praemien pfaendung unterhalt rueckstand guthaben abfindung uurloon brutoloon nettoloon brutosalaris nettosalaris
        dagloon salarisschaal saldi tegoed salairebrut salairenet salaireannuel salairemensuel paie endettement arrieres
        sueldobruto sueldoneto paga salariobruto salarioneto embargo finiquito stipendiolordo stipendionetto salariobase
        vencimento vencimentos dividas dochod dochody zarobki pobory zadluzenie zaleglosc zaleglosci dlug emerytura
        renta zasilek prijem dluh inkomst skuld indkomst gaeld inntekt gjeld maas gelir borc
    """,
    "secret": """
        password passwords passwd passwordhash pwd pw pwhash passphrase passcode kennwort passwort passworthash
        motdepasse mdp contrasena senha wachtwoord losenord adgangskode passord haslo heslo sifre secret secrets apikey
        apikeys secretkey privatekey accesstoken authtoken refreshtoken otp totp pincodehash cvv cvc csc mnemonic
        seedphrase sessiontoken sessionkey sessionid credentials clientsecret bearer jwt resettoken confirmationtoken
        verificationcode securityanswer securitycode encryptionkey hashedpassword encryptedpassword geheimnis
        zugangscode authkey signingkey webhooksecret connectionstring recoverycode backupcodes rememberme mfasecret pass
        clave token tokens pin salt cookie dsn credential parola psk wifipassword wifikey presharedkey passkey pinblock
        pinhash webhooktoken kodpin tokeny contrasenas motsdepasse wachtwoorden totpsecret otpsecret
    """,
    "special": """
        ethnicity ethnic race racial religion religious religiousaffiliation sexualorientation politicalparty
        politicalviews unionmember unionmembership criminalrecord conviction convictions konfession
        religionszugehoerigkeit religionszugehorigkeit gewerkschaft ethnie appartenancesyndicale etnia raza
        orientacionsexual sindicato religione religiao raca orientacaosexual religie geloofsovertuiging etniciteit
        afkomst seksuelegeaardheid vorstrafen casier herkunft ethnoracial ethnoracialgroup ethnicgroup raceethnicity
        sexuality sexualpreference genderidentity tradeunion unionname politicalaffiliation glaube glaubensbekenntnis
        rasse parteizugehoerigkeit parteimitglied gewerkschaftsmitglied sexuelleorientierung strafregister kirchensteuer
        vakbond vakbondslid geloof ras nationaleafkomst strafblad orientationsexuelle opinionpolitique
        opinionspolitiques casierjudiciaire syndicat religionpratiquee confession afiliacionsindical afiliacionpolitica
        ideologia creencias antecedentespenales sindicale orientamentosessuale partitopolitico orientacaosexualidade
        racacor filiacaosindical wyznanie religia pochodzenieetniczne narodowosc karalnosc zwiazekzawodowy
        facktillhorighet trosretning etnisk
    """,
    "text": """
        note notes notiz notizen bemerkung bemerkungen comment comments kommentar kommentare anmerkung anmerkungen
        commentaire commentaires remarque remarques observations observaciones observacion comentario comentarios
        annotazioni osservazioni commento commenti observacoes observacao opmerking opmerkingen toelichting remark
        remarks message messages nachricht messagebody mensaje messaggio mensagem bericht biography bio about feedback
        review reviewtext narrative freetext memo transcript chat complaint complaints beschwerde anliegen instructions
        bemaerkning notat uwagi poznamka aciklama story conversation utterance anamnesetext resume coverletter
        curriculum lebenslauf lastmessage history prompt completion answer answers reason statement cv nota notas
        verlauf vermerk vermerke peticiones wunsch wuensche text texte texto testo tekst content body summary details
        detail bemaerkninger anmaerkninger aciklamalar uwaga uzasadnienie tresc komentarz notatka notatki wiadomosc
        wyjasnienie opmerkingklant bezorgopmerking reden reactie verslag begruendung grund hinweis hinweise schilderung
        stellungnahme motivation commentairelibre motifdetail appreciation compterendu motivo comentariolibre
        motivazione justificativa justificacion narracion perustelu motivering begrunnelse begrundelse beskrivelse
        poznamky zprava
    """,
    "vector": "embedding embeddings vector vectors embeddingvector featurevector vec emb embed",
    # --- parts that need others
    "name": """
        name names nom noms nome nomi nombre nimi naam namn navn nazwa nazev isim nev imya bezeichnung nm nam
    """,
    "part": """
        first last middle given family sur full maiden legal preferred nick display birth contact second mother
        father spouse next kin emergency guardian parent complete completo completa complet volledige pila
        gesetzlicher madre padre usage marital
    """,
    "number": """
        number no num nr numero numer nummer nbr n id ids code codes key keys ref reference referenz value val digits
        identifier numeros nro numre cislo numara uid uuid guid pk fk cd barcode barcodes bc matricule nummers numery
    """,
    "personid": """
        national social security identity identification citizen tax insurance medical record fiscal steuer
        identidad identite identita identidade
    """,
    "bank": """
        bank banking credit debit payment kredit banque banco banca cartao account acc compte cuenta conta conto
        rekening kontoinhaber
    """,
    "cardword": "card cards karte kaart carte carta kort karta",
    "keyword": """
        api access auth private secret client session refresh security encryption signing hash reset recovery
        mfa two factor activation verification confirmation magic invite
    """,
    # --- places and traits many people share
    "place": """
        city town village ort stadt wohnort ville villes ciudad ciudades poblacion localidad citta comune cidade
        localidade municipio plaats woonplaats stad gemeinde gemeente commune municipality county region regions state
        province provincia provincie bundesland estado country countries landkreis pais paese pays nation district
        kommune miasto mesto sehir kota suburb area territory departement canton kanton barangay prefecture governorate
        postort geburtsort birthplace lieunaissance place lieu lugar luogo miejscowosc miejscowosci gmina powiat
        wojewodztwo kraj miejsceur miejsceurodzenia miejsce lugarnacimiento lugardenacimiento luogonascita
        luogodinascita naturalidade geboorteplaats lieudenaissance regio provincies
    """,
    "quasi": """
        gender sex geschlecht sexe sexo genere sesso genero geslacht kon kjonn plec pohlavi cinsiyet age alter eta idade
        leeftijd nationality nationalitaet nationalitat nationalite nacionalidad nazionalita nacionalidade nationaliteit
        citizenship maritalstatus marital familienstand etatcivil estadocivil statocivile burgerlijkestaat occupation
        profession beruf metier profesion professione profissao beroep jobtitle education schulabschluss bildung
        salutation anrede civilite titre titulo titolo aanhef pronouns language title edad job staatsangehoerigkeit
        staatsbuergerschaft situationfamiliale situacionfamiliar estadocivilactual stancywilny obywatelstwo wiek zawod
        wyksztalcenie civilstand civilstatus maritalsts nationalitet medborgarskab
    """,
    # --- heads that make a name speak of something else
    "about": """
        count counts cnt total totals type types typ typen tipo tipos kind art sorte status statut stato flag is has
        verified confirmed validated sent delivered bounced opened clicked opt optin optout optedin consent allowed
        enabled active activated disabled preference preferences pref prefs format length len size laenge lange template
        templates campaign campaigns provider providers category categories kategorie categorie categoria class label
        labels group groups gruppe level locale timezone version sequence seq sort sortorder index idx rank method
        channel rule rules policy config setting settings max min avg mean sum rate ratio percent pct frequency freq
        queue attribute attributes schema file files filename path required visible public default attempts strength
        priority quota usage valid validity exists present missing null nullable changed expires expiry expiration
        expired lifetime ttl algorithm algo domain domains headers subscribed unsubscribed reminder reminders
        notification notifications alerts permission permissions anzahl cantidad quantita quantidade aantal antall
        liczba gesendet versendet quality package tier color colour unit units extension ext days hours minutes interval
        mode bounce lastlogin lastvisit lastseen lastmodified expirydate expirationdate score scores role roles plan
        plans source sources brand grade step page pages event events model issuer network sha md5 checksum digest etag
        revision commit positions round sts position
    """,
    "when": """
        date dates at on time times timestamp ts datetime datum zeit zeitpunkt am fecha hora data ora quando since until
        created updated modified deleted changed seen visit visited ago year month day jahr monat tag annee mois jour
        ano mes dia anno giorno mese jaar maand dag ngay tarih tarihi dato dt tijd quand le uur uren dagen wochen tage
        stunden monate jahre jaren godzina dni miesiac rok utworzono czas
    """,
    "thing": """
        product products produkt produkte produit produits producto productos prodotto prodotti produto produtos item
        items artikel article articles articulo articulos articolo artigo sku department departments dept abteilung
        departamento dipartimento afdeling company companies firma unternehmen entreprise empresa azienda bedrijf
        organization organisation org brand marke marque marca merk model category warehouse lager store stores shop
        shops filiale branch project projects projekt projet proyecto progetto projeto task tasks team teams campaign
        course courses kurs cours curso corso cursus track tracks album albums song songs genre playlist film films
        movie movies book books event events device devices server servers host hosts hostname table column field file
        folder document database schema index job jobs queue topic feature features role roles permission group plan
        plans package ingredient recipe vehicle vehicles vessel flight flights airline airport airports station route
        hotel room rooms school schools university hospital hospitals clinic ward bank banks currency language languages
        site sites tag tags test tests lab equipment asset assets part parts component sensor sensors metric metrics
        node cluster container image images process module plugin app application program programme drug medication
        medicine disease allergen treatment color size unit game league season sport city country region state county
        vendor vendors supplier suppliers manufacturer lieferant hersteller fournisseur proveedor employer employers
        arbeitgeber employeur empleador datore werkgever platform
    """,
    # --- what a table is about
    "who": """
        patient patients patienten patientin pacient paciente pacientes paziente pazienti patiente customer customers
        cust kunde kunden kundin client clients cliente clientes clienti klant klanten kund klient buyer buyers shopper
        user users usr nutzer benutzer utilisateur utilisateurs usuario usuarios utente utenti gebruiker gebruikers
        anwender member members mitglied mitglieder membre membres miembro socio soci membro membros leden lid medlem
        employee employees emp emps mitarbeiter angestellte employe employes salarie empleado empleados dipendente
        dipendenti funcionario funcionarios werknemer werknemers medewerker medewerkers ansatt anstalld pracownik
        zamestnanec calisan staff person persons people personen personne personnes persona personas persone pessoa
        pessoas persoon human individual individuals contact contacts kontakt kontakte contatto contatti contacto
        contactos contato contatos contactpersoon ansprechpartner student students schueler schuler studenten etudiant
        etudiants eleve eleves estudiante estudiantes alumno alumnos studente studenti alunno estudante aluno leerling
        teacher teachers lehrer professeur profesor docente docent doctor doctors physician physicians arzt aerzte arzte
        medecin medico medicos medici artsen nurse nurses practitioner clinician therapist subscriber subscribers
        abonnent abonne abonado guest guests gaeste invite huesped ospite hospede tenant tenants mieter locataire
        inquilino huurder applicant applicants bewerber candidat candidate candidates candidato sollicitant donor donors
        spender donateur donante voter voters citizen citizens buerger burger citoyen ciudadano cittadino cidadao
        resident residents einwohner passenger passengers passagier passagiere driver drivers fahrer chauffeur
        conducteur conductor autista motorista player players spieler author authors autoren auteur autore actor actors
        owner owners inhaber eigentuemer besitzer proprietaire propietario proprietario eigenaar holder holders
        titulaire titular manager managers agent agents representative salesperson seller verkaeufer vendeur vendedor
        recipient recipients empfaenger destinataire destinatario ontvanger sender absender expediteur remitente
        mittente remetente afzender participant participants teilnehmer attendee attendees visitor visitors besucher
        prospect prospects beneficiary beneficiaries insured versicherter versicherte policyholder borrower borrowers
        lender debtor creditor payee cardholder signatory witness defendant plaintiff prisoner inmate suspect victim
        parent parents mother father mutter vater mere pere madre padre spouse partner ehepartner conjoint guardian
        sponsor pilot captain instructor lecturer professor coach trainee intern volunteer volunteers alumni respondent
        respondents caller callers assignee reporter requester requestor approver reviewer creator erstellt bearbeiter
        sachbearbeiter betreuer caregiver nextofkin pensioner taxpayer worker workers pasient deltager ansokan musteri
        hasta ogrenci pacjent osoba osoby uczen zakaznik pacienti asiakas potilas identities kunder persondata crm
        families family familie famille gast child children lead leads rep artist autor profile profiles callee callees
        consignee consignor shipper composer performer tutor carer referrer trainer editor writer translator inspector
        examiner createdby modifiedby updatedby approvedby assignedto handledby enteredby signedby reportedby
        requestedby soldby preparedby reviewedby deletedby lastmodifiedby erstelltvon bearbeitetvon creepar creadopor
        rider riders courier couriers traveller traveler hiker cyclist runner enrollee claimant claimants payor lessee
        patron patrons nominees adjuster attorney attorneys lawyer lawyers counsel supervisor supervisors organizer
        organiser applicantname guarantor guarantors cosigner counterparty complainant petitioner appellant judge
        officer operator operators dispatcher technician clerk cashier bookedby orderedby receiver consultant colleague
        friend friends relatives heir heirs veteran veterans immigrant refugee household households antragsteller
        vorgesetzter vorgesetzte versicherungsnehmer buerge zeuge zeugen erbe erben gesellschafter geschaeftsfuehrer
        kontaktperson angehoerige angehoeriger auszubildender kursteilnehmer bezorger chauffeurs bestuurder aanvrager
        ontvangers verzekerde getuige leidinggevende begeleider vrijwilliger vrijwilligers bewoner bewoners dirigeant
        dirigeants gerant responsable interlocuteur demandeur demandeurs adherent adherents assure assures temoin
        salaries conducteurs habitant habitants commercial solicitante solicitantes alumnas profesores encargado
        apoderado apoderados asegurado vecino vecinos residente residentes testigo tutores trabajador trabajadores
        richiedente responsabile referente assistito assistiti cittadini residenti insegnante genitore requerente
        responsavel alunos funcionaria segurado morador moradores wnioskodawca wnioskodawcy petent petenci mieszkaniec
        mieszkancy obywatel obywatele klienci pracownicy uczniowie nauczyciel nauczyciele lekarz lekarze opiekun
        pelnomocnik pacjenci podatnik podatnicy urzednik swiadek wlasciciel wlasciciele odbiorca nadawca najemca obcan
        zamestnanci zak zaci medarbejder medarbejdere ansatte elev elever borger beboer hyresgast calisanlar uye uyeler
    """,
    "doing": """
        order orders bestellung bestellungen auftrag auftraege commande commandes pedido pedidos ordine ordini encomenda
        bestelling bestellingen invoice invoices rechnung rechnungen facture factures factura facturas fattura fatture
        fatura factuur facturen payment payments zahlung zahlungen paiement pago pagos pagamento betaling transaction
        transactions transaktion visit visits besuch visite visita visitas appointment appointments termin termine
        rendezvous cita citas appuntamento consulta afspraak encounter encounters admission admissions aufnahme
        hospitalisation ingreso ricovero internacao opname episode prescription prescriptions rezept rezepte ordonnance
        receta ricetta receita recept claim claims schadensfall sinistre booking bookings buchung reservation
        reservations reserva prenotazione reservering rental rentals loan loans kredit pret prestamo prestito emprestimo
        lening mortgage subscription subscriptions abo abonnement enrollment enrollments enrolment registration
        registrations anmeldung inscription ticket tickets case cases vorgang dossier caso pratica zaak fall faelle call
        calls anruf anrufe appel llamada chiamada message messages chat chats conversation conversations email emails
        sms review reviews bewertung bewertungen feedback survey surveys response responses umfrage comment comments
        post posts letter letters brief correspondence note notes observation observations finding findings befund
        befunde lab labs laboratory measurement measurements vitals vital diagnosis diagnoses treatment treatments
        therapy immunizations allergies conditions address addresses adresse adressen direccion direcciones indirizzi
        enderecos account accounts konto konten compte comptes cuenta cuentas conto conti conta contas rekening login
        logins session sessions payroll salary salaries gehalt gehaelter timesheet leave absences contract contracts
        vertrag vertraege contrat contrato contratto shipment shipments delivery deliveries lieferung lieferungen
        livraison envio spedizione entrega donation donations spenden application applications bewerbung bewerbungen
        candidature solicitud incident incidents unfall accident insurance insurances versicherung assurance seguro
        assicurazione complaint complaints beschwerde followup discharge surgery surgeries operations referral referrals
        arztbrief anamnese shipping billing result results card cards trial trials study studies cohort acct accts trip
        trips ride rides journey zending zendingen levering leveringen verzuim klacht klachten aanvraag aanvragen
        declaratie declaraties wniosek wnioski podatek podatki decyzja decyzje zamowienie zamowienia faktura faktury
        platnosc platnosci wizyta wizyty umowa umowy swiadczenia antrag antraege mahnung mahnungen schaden schaeden
        lohnabrechnung lohnabrechnungen demande demandes adhesion adhesions sinistres solicitudes expedientes siniestro
        siniestros matriculas matriculacion nominas richiesta richieste iscrizione sinistro sinistri matricula sinistros
        salg ordre ordrer besog encaissement objednavka objednavky
    """,
    "catalogue": """
        type types typen tipo tipos lookup lookups lu code codes kind kinds category categories kategorie kategorien
        categorie categoria categorias status statuses segment segments tier tiers role roles permission permissions
        group groups enum enums dictionary settings setting config configuration parameter parameters translation
        translations locale migration migrations schema version versions setup constants product products produkt
        produkte produit produits producto productos prodotto prodotti produto produtos item items artikel article
        articles articulo articulos sku inventory stock warehouse warehouses lager store stores price prices pricing
        department departments dept abteilung abteilungen departement departements departamento departamentos afdeling
        city cities country countries laender pays paises paesi region regions states currency currencies language
        languages logfile metric metrics telemetry sensor sensors job jobs queue task tasks build builds deployment
        deployments server servers host hosts node nodes service services course courses kurse room rooms track tracks
        album albums song songs genre genres playlist playlists film films movie movies book books hotel hotels airport
        airports airline airlines flight flights route routes station stations weather calendar holiday holidays feature
        features flag flags plan plans brand brands catalog catalogue icd drug drugs medicine medicines vaccine
        formulary disease concept vocabulary vocabularies tag tags label labels template templates media asset assets
        part parts component components exchange rate rates tax taxes unit units color colors size sizes rule rules
        achievement game games team teams league leagues tournament match matches stadium recipe recipes ingredient
        ingredients menu menus dish dishes car cars model models manufacturer manufacturers log logs vehicle slownik
        slowniki
    """,
    "qualifier": """
        internal external main primary secondary home work office business shipping billing ship bill delivery alt
        alternate current previous personal privat private principal principale geschaeftlich dienstlich personnel
        professionnel permanent mailing invoice default raw full hash hashed plain encrypted additional other extra
        brutto netto bruto neto brut gross net gesamt annual monthly weekly yearly jaarlijks maandelijks annuel mensuel
        anual mensual prive emergency
    """,
    "noise": """
        tbl tb t dim fact fct stg staging raw src dbo vw v mv tmp temp the of de du des la le el los da do di del della
        van von der die das het and und et to for im per par por fld my old new col tabela tabel tabelle table
    """,
    "leading": """
        is has can should was are count cnt total anzahl cantidad nb type typ tipo kind max min avg opt flag est
        nbre numberof fecha tem
    """,
    "describes": """
        description descriptions beschreibung descripcion descrizione descricao omschrijving beskrivning opis popis desc
        descr subject betreff objet asunto oggetto assunto onderwerp caption headline bezeichner beskrivelse omschr oms
        opisu
    """,
    "licence": "license licence licencia lizenz licenca patente rijbewijs fuhrer fuehrer kor korkort driving",
    "expires": """
        expiry expires expiration expire exp ablauf valid gueltig gultig last four last4 bin tail vervaldatum waznosc
        caducidad scadenza validade udlob
    """,
}


def _words() -> dict[str, frozenset[str]]:
    by_word: dict[str, set[str]] = {}
    for heading, line in _HEADINGS.items():
        for word in line.split():
            by_word.setdefault(word, set()).add(heading)
    return {word: frozenset(headings) for word, headings in by_word.items()}


WORDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(_words())

# Scripts without spaces or Latin letters: found anywhere in a name.
SIGNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "姓名": "person",
        "名前": "person",
        "氏名": "person",
        "이름": "person",
        "имя": "person",
        "фамилия": "person",
        "отчество": "person",
        "фио": "person",
        "الاسم": "person",
        "電話": "phone",
        "电话": "phone",
        "手机": "phone",
        "전화": "phone",
        "телефон": "phone",
        "هاتف": "phone",
        "邮箱": "email",
        "メール": "email",
        "이메일": "email",
        "почта": "email",
        "地址": "address",
        "住所": "address",
        "주소": "address",
        "адрес": "address",
        "عنوان": "address",
        "身份证": "national_id",
        "паспорт": "national_id",
        "инн": "national_id",
        "снилс": "national_id",
        "出生": "birth",
        "生年月日": "birth",
        "생년월일": "birth",
        "рождения": "birth",
        "密码": "secret",
        "パスワード": "secret",
        "пароль": "secret",
        "工资": "money",
        "зарплата": "money",
        "給与": "money",
        "диагноз": "health",
        "诊断": "health",
        "備考": "text",
        "备注": "text",
        "примечание": "text",
        "комментарий": "text",
    }
)
