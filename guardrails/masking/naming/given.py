"""Common given names and family names of many countries: how a column of names is known by its values.

Public name statistics name the same few hundred everywhere; a column needs only a share of its values among them.
Words that are as often something else (a colour, a trade, a place) are left out.
"""

from __future__ import annotations

from typing import Final

_GIVEN: Final = """
    james john robert michael william david richard joseph thomas charles christopher daniel matthew anthony
    mark donald steven paul andrew joshua kenneth kevin brian george timothy ronald edward jason jeffrey ryan
    jacob gary nicholas eric jonathan stephen larry justin scott brandon benjamin samuel gregory alexander frank
    patrick raymond jack dennis jerry tyler aaron jose adam nathan henry douglas zachary peter kyle noah ethan
    jeremy walter christian keith roger terry sean gerald carl harold dylan arthur lawrence jesse bryan billy
    bruce gabriel joe logan alan juan albert willie elijah wayne randy vincent roy ralph bobby russell bradley
    philip eugene mary patricia jennifer linda elizabeth barbara susan jessica sarah karen lisa nancy betty
    sandra margaret ashley kimberly emily donna michelle carol amanda melissa deborah stephanie rebecca sharon
    laura cynthia dorothy amy kathleen angela shirley brenda emma anna pamela nicole samantha katherine
    christine helen debra rachel carolyn janet maria olivia heather catherine diane julie victoria joyce lauren
    kelly christina ruth joan virginia judith evelyn hannah andrea megan cheryl jacqueline teresa abigail sophia
    martha sara gloria janice kathryn ann isabella judy charlotte julia grace alice jean denise frances danielle
    marilyn natalie beverly diana brittany theresa kayla alexis doris lori tiffany liam lucas oliver leo mia ava
    ella chloe lily sophie lucy holly molly freya poppy isla jan hans wolfgang klaus jürgen jurgen juergen
    dieter manfred uwe günter gunter guenter horst bernd ralf stefan torsten thorsten markus matthias sven lars
    jens kai tobias florian sebastian felix lukas jonas maximilian niklas ursula renate monika petra sabine
    claudia birgit heike susanne kerstin anja katrin katharina ingrid gisela erika helga brigitte elke anke
    silke jutta gabriele johanna lena leonie greta frieda heinz gerhard helmut werner karl otto pierre michel
    alain philippe bernard jacques françois francois christophe nicolas thierry laurent olivier frédéric
    frederic julien antoine guillaume mathieu maxime hugo louis camille manon léa lea chloé inès ines marie
    nathalie isabelle sylvie valérie valerie véronique veronique céline celine aurélie aurelie sandrine élodie
    elodie émilie emilie margaux juliette hélène helene rené rene andré andre étienne etienne luc yves antonio
    manuel francisco javier carlos miguel rafael pedro alejandro fernando luis pablo jorge sergio alberto diego
    raúl raul rubén ruben enrique álvaro alvaro óscar oscar adrián adrian ramón ramon vicente joaquín joaquin
    andrés andres ignacio carmen ana isabel dolores pilar josefa rosario mercedes lucía lucia paula marta elena
    cristina raquel silvia rocío rocio sofía sofia valentina camila guadalupe ximena mateo sebastián emiliano
    giuseppe giovanni mario luigi francesco marco alessandro stefano roberto matteo lorenzo luca davide riccardo
    simone federico filippo paolo giorgio salvatore vincenzo pietro giulia chiara francesca martina giorgia
    alessia elisa federica rosa giovanna paola daniela simona roberta joão joao antónio josé paulo marcos luiz
    bruno rodrigo tiago gustavo felipe marcelo fernanda juliana mariana beatriz larissa letícia leticia bruna
    luiza helena inês johannes cornelis hendrik pieter willem gerrit maarten jeroen sander daan sem bram thijs
    lotte sanne fleur femke anouk marieke wilhelmina geertruida erik anders mikael johan nils olof björn bjorn
    karin kristina astrid linnea maja elsa freja signe mette anne kirsten søren soren rasmus niels ole kari
    solveig aino matti juhani mikko piotr krzysztof andrzej tomasz paweł pawel michał michal marcin jakub
    katarzyna małgorzata malgorzata agnieszka ewa zofia magdalena joanna jiří jiri petr josef pavel martin jana
    eva hana lenka ivan dmitri dmitry sergei sergey alexei alexey andrei nikolai vladimir mikhail olga natalia
    natalya tatiana irina svetlana anastasia ekaterina yulia mehmet mustafa ahmet ali hüseyin huseyin hasan
    ibrahim fatma ayşe ayse emine zeynep elif mohammed muhammad mohamed ahmed omar youssef hassan khaled fatima
    aisha layla yasmin zainab abdul raj amit rahul sanjay vijay anil sunil priya anjali neha pooja sunita anita
    deepak ravi suresh ramesh arjun lakshmi wei jing li ming hui fang yan xin mei ling jun hao yu hiroshi
    takashi kenji yuki sakura haruto yui aoi minh anh linh thi nguyen siti budi dewi chinedu ngozi kwame amina
    blessing tunde adaeze thabo sipho aoife niamh siobhán siobhan seán ciara rhys gareth angus fiona callum
    eilidh ewan
"""

_FAMILY: Final = """
    smith johnson williams jones garcia miller davis rodriguez martinez hernandez lopez gonzalez wilson anderson
    thomas taylor moore martin lee perez thompson harris sanchez clark ramirez lewis robinson walker allen
    wright scott torres nguyen flores adams nelson baker hall rivera campbell mitchell carter roberts gomez
    phillips evans turner diaz cruz edwards collins reyes stewart morris morales murphy rogers gutierrez ortiz
    morgan cooper peterson bailey kelly howard ramos kim cox ward richardson watson brooks chavez james bennett
    mendoza ruiz hughes alvarez castillo sanders patel myers ross foster jimenez powell jenkins perry russell
    sullivan coleman butler henderson barnes gonzales vasquez simmons graham murray hamilton wallace cole owens
    reynolds ellis harrison gibson mcdonald hunt hayes burns gordon shaw marshall webb palmer mills holmes
    robertson daniels nichols knight ferguson müller muller mueller schmidt schneider fischer weber meyer wagner
    becker schulz hoffmann schäfer schafer schaefer koch bauer richter wolf schröder schroder schroeder neumann
    zimmermann braun krüger kruger krueger hofmann hartmann lange schmitt werner krause lehmann schmid schulze
    maier köhler kohler koehler herrmann könig konig koenig walter mayer huber fuchs peters scholz möller moller
    moeller weiß weiss hahn schubert vogel friedrich keller günther frank berger winkler roth beck lorenz
    baumann franke albrecht schuster simon ludwig böhm kraus schumacher krämer vogt stein jäger otto seidel
    heinrich brandt haas schreiber dietrich ziegler kuhn kühn pohl busch bergmann voigt sauer arnold wolff
    pfeiffer bernard dubois robert richard petit durand leroy moreau laurent lefebvre michel david bertrand roux
    vincent fournier morel girard andré lefèvre lefevre mercier dupont lambert bonnet françois legrand garnier
    faure rousseau blanc guerin henry roussel nicolas perrin morin mathieu clement gauthier dumont fontaine
    chevalier robin masson gonzález rodríguez fernández fernandez lópez martínez sánchez pérez gómez martín
    jiménez hernández díaz moreno muñoz munoz álvarez romero alonso gutiérrez navarro domínguez dominguez
    vázquez gil ramírez serrano blanco molina suárez suarez ortega delgado castro rubio marín marin sanz rossi
    russo ferrari esposito bianchi romano colombo ricci marino greco bruno gallo conti deluca costa giordano
    mancini rizzo lombardi moretti barbieri fontana santoro mariani rinaldi caruso ferrara galli martini leone
    longo gentile martinelli vitale silva santos ferreira pereira oliveira rodrigues martins jesus sousa souza
    fernandes gonçalves goncalves gomes lopes marques alves almeida ribeiro pinto carvalho teixeira moreira
    correia mendes nunes soares vieira monteiro cardoso rocha lima barbosa araújo araujo nascimento jong jansen
    vries dijk bakker janssen visser smit meijer boer mulder bos vos hendriks leeuwen dekker brouwer dijkstra
    smits graaf hansen johansen olsen larsen andersen nilsen pedersen kristiansen jensen karlsen johnsen
    johansson andersson karlsson nilsson eriksson larsson olsson persson svensson gustafsson pettersson jonsson
    lindberg nielsen christensen rasmussen sørensen sorensen korhonen virtanen mäkinen nowak kowalski wiśniewski
    wisniewski wójcik wojcik kowalczyk kamiński kaminski lewandowski zieliński novák novak svoboda novotný
    dvořák ivanov smirnov kuznetsov popov petrov sokolov ivanova petrova yılmaz yilmaz kaya demir şahin sahin
    çelik celik öztürk khan ahmed ali hussain singh kumar sharma gupta verma reddy iyer wang li zhang liu chen
    yang huang zhao wu zhou xu zhu hu guo he gao lin luo sato suzuki takahashi tanaka watanabe ito yamamoto
    nakamura kobayashi kato park choi kang cho tran le pham okafor adeyemi mensah dlamini nkosi osei o'brien
    o'connor byrne ryan walsh o'sullivan doyle mccarthy gallagher doherty kennedy lynch quinn macdonald
"""

NAMES: Final = frozenset(f"{_GIVEN} {_FAMILY}".split())
